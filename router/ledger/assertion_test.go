package ledger

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCheck(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	within := func(d time.Duration) *time.Duration { return &d }
	records := []Record{
		{Sequence: 1, Time: at(-50), Revision: 1, Status: 500, Outcome: OK}, // before the deployment
		{Sequence: 2, Time: at(100), Revision: 1, Status: 200, Outcome: OK},
		{Sequence: 3, Time: at(500), Revision: 2, Status: 200, Outcome: OK},
		{Sequence: 4, Time: at(300), Revision: 2, Status: 200, Outcome: OK}, // written later, leased first
		{Sequence: 5, Time: at(1300), Revision: 1, Status: 200, Outcome: OK},
		{Sequence: 6, Time: at(2000), Revision: 2, Status: 200, Outcome: ClientGone, Broken: true},
		{Sequence: 7, Time: at(2100), Revision: 2, Outcome: ClientGone},
	}
	all := Assertion{Since: start, Old: 1, New: 2, No5xx: true, NoneLost: true, BothSeen: true, MaxOverlap: within(time.Second)}
	tests := []struct {
		name   string
		change func(*Assertion)
		more   []Record
		want   map[string][]uint64 // rule to sequences
	}{
		{"all is well", func(*Assertion) {}, nil, nil},
		{"a 5xx", func(*Assertion) {}, []Record{{Sequence: 8, Time: at(3000), Revision: 2, Status: 502, Outcome: Limit}}, map[string][]uint64{"no-5xx": {8}}},
		{"cut", func(*Assertion) {}, []Record{{Sequence: 8, Time: at(200), Revision: 1, Status: 200, Outcome: Cut, Broken: true}}, map[string][]uint64{"none-lost": {8}}},
		{"no head", func(*Assertion) {}, []Record{{Sequence: 8, Time: at(200), Revision: 1, Outcome: Trap}}, map[string][]uint64{"none-lost": {8}}},
		{"queue", func(*Assertion) {}, []Record{{Sequence: 8, Time: at(200), Revision: 1, Status: 503, Outcome: Queue}}, map[string][]uint64{"no-5xx": {8}, "none-lost": {8}}},
		{"broken by its deadline", func(*Assertion) {}, []Record{{Sequence: 8, Time: at(200), Revision: 1, Status: 200, Outcome: Timeout, Broken: true}}, map[string][]uint64{"none-lost": {8}}},
		{"overlap", func(a *Assertion) { a.MaxOverlap = within(999 * time.Millisecond) }, nil, map[string][]uint64{"max-overlap": {4, 5}}},
		{"no overlap allowed", func(a *Assertion) { a.MaxOverlap = within(0) }, nil, map[string][]uint64{"max-overlap": {4, 5}}},
		{"one was not seen", func(a *Assertion) { a.New = 3 }, nil, map[string][]uint64{"both-seen": nil}},
		{"there was no other", func(a *Assertion) { a.Old = 0 }, nil, map[string][]uint64{"both-seen": nil}},
		{"since", func(a *Assertion) { a.Since = at(-100) }, nil, map[string][]uint64{"no-5xx": {1}}},
		{"nothing asked", func(a *Assertion) { *a = Assertion{} }, []Record{{Sequence: 8, Status: 500}}, nil},
		{"evicted before", func(a *Assertion) { a.Evicted = at(-1) }, nil, nil},
	}
	for _, tt := range tests {
		a := all
		tt.change(&a)
		violations, err := Check(append(records[:len(records):len(records)], tt.more...), a)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var got map[string][]uint64
		for _, v := range violations {
			if got == nil {
				got = make(map[string][]uint64)
			}
			got[v.Rule] = nil
			for _, r := range v.Records {
				got[v.Rule] = append(got[v.Rule], r.Sequence)
			}
			if v.Reason == "" {
				t.Errorf("%s: %s has no reason", tt.name, v.Rule)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestCheckCannotKnow(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, evicted := range []time.Time{start, start.Add(time.Second)} {
		_, err := Check(nil, Assertion{Since: start, Evicted: evicted, No5xx: true})
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("Check with records gone at %s = %v, want ErrUnknown", evicted, err)
		}
	}
}

func TestFailedAndLost(t *testing.T) {
	for _, tt := range []struct {
		r            Record
		failed, lost bool
	}{
		{Record{Outcome: OK, Status: 200}, false, false},
		{Record{Outcome: OK, Status: 500}, true, false},
		{Record{Outcome: NoRoute, Status: 404}, false, false},
		{Record{Outcome: NoRoute, Status: 503}, true, false},
		{Record{Outcome: ClientGone}, false, false},
		{Record{Outcome: Timeout, Status: 504}, true, false},
		{Record{Outcome: Limit, Status: 413}, true, false},
		{Record{Outcome: Limit, Status: 200, Broken: true}, true, true},
		{Record{Outcome: Trap, Status: 500}, true, false},
		{Record{Outcome: Queue, Status: 503}, true, true},
		{Record{Outcome: Cut, Status: 200}, true, true},
	} {
		if failed, lost := tt.r.Failed(), tt.r.Lost(); failed != tt.failed || lost != tt.lost {
			t.Errorf("%+v: failed %t, lost %t, want %t, %t", tt.r, failed, lost, tt.failed, tt.lost)
		}
	}
}
