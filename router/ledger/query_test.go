package ledger

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRecords(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	l := New(6)
	for _, r := range []Record{
		{Path: "/gone"},
		{Path: "/a", App: "shop", AppID: "2", Revision: 1, Status: 200, Time: at(0)},
		{Path: "/a/b", Revision: 1, Status: 200, Time: at(1)},
		{Path: "/c", Revision: 2, Status: 404, Outcome: NoRoute, Time: at(2)},
		{Path: "/d", Revision: 2, Status: 502, Outcome: Limit, Time: at(3)},
		{Path: "/a/e", Revision: 2, Status: 504, Outcome: Timeout, Time: at(4)},
		{Path: "/f", Revision: 2, Time: at(5)},
	} {
		put(l, r)
	}
	tests := []struct {
		name string
		q    Query
		want []string
		next uint64
	}{
		{"all", Query{}, []string{"/a", "/a/b", "/c", "/d", "/a/e", "/f"}, 7},
		{"app by name", Query{App: "shop"}, []string{"/a"}, 7},
		{"app by id", Query{App: "2"}, []string{"/a"}, 7},
		{"unknown app", Query{App: "nope"}, nil, 7},
		{"revision", Query{Revision: 1}, []string{"/a", "/a/b"}, 7},
		{"status", Query{Status: 404}, []string{"/c"}, 7},
		{"status class", Query{Status: 5}, []string{"/d", "/a/e"}, 7},
		{"path", Query{Path: "/a"}, []string{"/a", "/a/b", "/a/e"}, 7},
		{"outcome", Query{Outcome: Limit}, []string{"/d"}, 7},
		{"since", Query{Since: at(4)}, []string{"/a/e", "/f"}, 7},
		{"first", Query{Limit: 2}, []string{"/a", "/a/b"}, 3},
		{"newest", Query{Limit: 2, Newest: true}, []string{"/a/e", "/f"}, 7},
		{"newest of a path", Query{Limit: 2, Newest: true, Path: "/a"}, []string{"/a/b", "/a/e"}, 7},
		{"after", Query{After: 5}, []string{"/a/e", "/f"}, 7},
		{"newest after", Query{After: 5, Newest: true}, []string{"/a/e", "/f"}, 7},
		{"newest before", Query{Before: 6, Limit: 2, Newest: true}, []string{"/c", "/d"}, 7},
		{"newest before the first", Query{Before: 1, Newest: true}, nil, 7},
		{"newest before a number that is not there yet", Query{Before: 99, Limit: 1, Newest: true}, []string{"/f"}, 7},
		{"after the end", Query{After: 7}, nil, 7},
		{"after a number that is not there yet", Query{After: 99}, nil, 7},
		{"newest after a number that is not there yet", Query{After: 99, Newest: true}, nil, 7},
	}
	for _, tt := range tests {
		got := l.Records(tt.q)
		if diff := cmp.Diff(tt.want, paths(got)); diff != "" || got.Next != tt.next {
			t.Errorf("%s: Records(%+v), next %d, want %d: %s", tt.name, tt.q, got.Next, tt.next, diff)
		}
	}
	if got := l.Records(Query{App: "shop"}).Evicted; !got.IsZero() {
		t.Errorf("Evicted of shop = %s, want zero: the record that left was of hello", got)
	}
	if got := l.Records(Query{App: "hello"}).Evicted; got.IsZero() {
		t.Error("Evicted of hello is zero")
	}
}

func TestPagesGoBack(t *testing.T) {
	l := New(20)
	for i := range 25 {
		put(l, Record{Revision: i%2 + 1, Path: fmt.Sprint(i + 1)})
	}
	var got []string
	pages := 0
	q := Query{Revision: 1, Limit: 4, Newest: true}
	for {
		p := l.Records(q)
		for i := len(p.Records) - 1; i >= 0; i-- {
			got = append(got, p.Records[i].Path)
		}
		pages++
		if q.Before = p.Older; q.Before == 0 {
			break
		}
	}
	want := []string{"25", "23", "21", "19", "17", "15", "13", "11", "9", "7"}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages: %s", pages, diff)
	}
}

func TestRecordsLongerThanAStep(t *testing.T) {
	l := New(5 * step)
	for i := range 4 * step {
		put(l, Record{Revision: i%2 + 1})
	}
	for _, q := range []Query{{Revision: 1}, {Revision: 1, Newest: true}} {
		if got := len(l.Records(q).Records); got != 2*step {
			t.Errorf("Records(%+v) has %d, want %d", q, got, 2*step)
		}
	}
}

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(4) // counts outlive records
		start := time.Now()
		for s := range 3 {
			for range 10 {
				put(l, Record{Revision: 1, Status: 200})
				put(l, Record{Revision: 2, Status: 200})
			}
			if s == 1 {
				put(l, Record{Revision: 2, Status: 500})
				put(l, Record{Revision: 2, Outcome: Cut})
				put(l, Record{Revision: 2, Outcome: ClientGone})
				put(l, Record{App: "shop", AppID: "2", Revision: 1, Status: 404, Outcome: NoRoute})
			}
			time.Sleep(time.Second)
		}
		at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second).UTC() }
		want := []Count{
			{at(1), "id-hello", 1, 10, 0}, {at(1), "id-hello", 2, 13, 2},
			{at(2), "id-hello", 1, 10, 0}, {at(2), "id-hello", 2, 10, 0},
		}
		if diff := cmp.Diff(want, l.Counts("id-hello", at(1))); diff != "" {
			t.Error(diff)
		}
		if got := len(l.Counts("", at(0))); got != 7 {
			t.Errorf("Counts of all apps has %d, want 7", got)
		}
		time.Sleep(time.Hour)
		put(l, Record{Revision: 3, Status: 200})
		if got := l.Counts("", at(0)); len(got) != 1 || got[0].Revision != 3 {
			t.Errorf("after an hour Counts = %v, want r3 only", got)
		}
		if got := l.counts.apps["id-hello"].series; len(got) != 1 {
			t.Errorf("after an hour %d series, want 1", len(got))
		}
	})
}

func TestSecondsAreBounded(t *testing.T) {
	l := New(1)
	r := Record{AppID: "1", Status: 200}
	const more = 1000
	for i := range maxSeconds + more {
		r.Revision = i
		l.counts.add(&r, 1000)
		l.counts.apps["1"].series = nil // finding one is linear in live revisions; they are few
	}
	got := l.Counts("1", time.Unix(1000, 0))
	if len(got) != maxSeconds || got[0].Revision != more {
		t.Errorf("%d seconds from r%d, want %d from r%d", len(got), got[0].Revision, maxSeconds, more)
	}
}

func TestTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(1)
		start := time.Now()
		for range 10 {
			put(l, Record{Revision: 1, Status: 200})
			put(l, Record{Revision: 1, Status: 503})
			time.Sleep(time.Minute)
		}
		for _, tt := range []struct {
			since time.Time
			want  Total
		}{
			{time.Time{}, Total{20, 10}},
			{start, Total{20, 10}},
			{start.Add(7 * time.Minute), Total{6, 3}},
			{start.Add(time.Hour), Total{}},
		} {
			if got := l.Totals("id-hello", tt.since); got != tt.want {
				t.Errorf("Totals(%s) = %+v, want %+v", tt.since.Sub(start), got, tt.want)
			}
		}
		if got := l.Totals("nope", time.Time{}); got != (Total{}) {
			t.Errorf("Totals of an unknown app = %+v", got)
		}
		if got := l.Sum("id-hello"); got != (Total{20, 10}) {
			t.Errorf("Sum = %+v, want all", got)
		}
		l.Forget("id-hello")
		if got := l.Sum("id-hello"); got != (Total{}) {
			t.Errorf("Sum of a forgotten app = %+v", got)
		}
		if got := l.Totals("id-hello", time.Time{}); got != (Total{}) {
			t.Errorf("Totals of a forgotten app = %+v", got)
		}
	})
}

func TestMinutesAreBounded(t *testing.T) {
	a := new(app)
	for i := range int64(5 * keepMinutes) {
		a.count(i, 0)
	}
	if n := len(a.minutes); n > 2*keepMinutes || n < keepMinutes {
		t.Errorf("%d minutes are kept, want %d to %d", n, keepMinutes, 2*keepMinutes)
	}
}
