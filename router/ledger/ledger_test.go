package ledger

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// put writes a record that ends now.
func put(l *Ledger, r Record) {
	if r.AppID == "" {
		r.App, r.AppID = "hello", "id-hello"
	}
	e := l.Begin(r)
	e.Finish(Reply{Status: r.Status, Bytes: r.Bytes, Broken: r.Broken})
}

func paths(p Page) []string {
	var s []string
	for _, r := range p.Records {
		s = append(s, r.Path)
	}
	return s
}

func TestRecordIsWrittenWhenGuestAndReplyHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(10)
		begin := time.Now()
		e := l.Begin(Record{App: "hello", AppID: "1", Revision: 3, Method: "GET", Path: "/a", Request: "q1"})
		ended := 0
		e.OnEnd(func() { ended++ })
		release := e.Hold()
		e.Guest("web", "/...")
		time.Sleep(time.Second / 4)
		e.Queued()
		time.Sleep(time.Second / 4)
		e.Head(nil)
		time.Sleep(time.Second / 2)
		e.Finish(Reply{Status: 200, Bytes: 5})
		if got := len(l.Records(Query{}).Records); got != 0 || ended != 0 {
			t.Fatalf("while the guest runs: %d records, ended %d, want none", got, ended)
		}
		time.Sleep(time.Second)
		e.End(Trap)
		release()
		release()
		want := []Record{{Sequence: 1, Time: begin, App: "hello", AppID: "1", Revision: 3, Component: "web", Route: "/...",
			Method: "GET", Path: "/a", Status: 200, Duration: 2 * time.Second, Bytes: 5, Request: "q1", Outcome: Trap,
			Timing: Timing{Queued: time.Second / 4, Head: time.Second / 2, Replied: time.Second}}}
		if diff := cmp.Diff(want, l.Records(Query{}).Records); diff != "" {
			t.Error(diff)
		}
		if ended != 1 {
			t.Errorf("OnEnd was called %d times, want 1", ended)
		}
		e.End(Limit)
		e.Guest("late", "/late")
		e.Queued()
		e.Head(nil)
		e.Hold()()
		if diff := cmp.Diff(want, l.Records(Query{}).Records); diff != "" {
			t.Errorf("a late call changed the record: %s", diff)
		}
	})
}

func TestFirstOutcomeOtherThanOKWins(t *testing.T) {
	l := New(10)
	e := l.Begin(Record{})
	for _, o := range []Outcome{OK, Timeout, OK, ClientGone} {
		e.End(o)
	}
	e.Finish(Reply{Status: 504})
	if got := l.Records(Query{}).Records[0].Outcome; got != Timeout {
		t.Errorf("outcome = %s, want %s", got, Timeout)
	}
}

func TestNilEntryAndNilLedger(t *testing.T) {
	e := From(t.Context())
	if e != nil {
		t.Fatalf("From(empty context) = %v, want nil", e)
	}
	e.OnEnd(func() {})
	e.Guest("a", "/")
	e.End(Trap)
	e.Hold()()
	e.Finish(Reply{})
	if id, o := e.RequestID(), e.Outcome(); id != "" || o != OK {
		t.Errorf("nil entry: id %q, outcome %s", id, o)
	}
	ended := false
	e = (*Ledger)(nil).Begin(Record{Request: "q"})
	e.OnEnd(func() { ended = true })
	if got := From(With(context.Background(), e)); got != e || got.RequestID() != "q" {
		t.Errorf("From(With(e)) = %v, want e", got)
	}
	e.Finish(Reply{Status: 200})
	if !ended {
		t.Error("an entry of a nil ledger did not end")
	}
}

func TestLedgerIsBounded(t *testing.T) {
	for _, size := range []int{1, 3, 500} {
		l := New(size)
		n := 3*size + 2
		for i := 1; i <= n; i++ {
			put(l, Record{Path: fmt.Sprint("/", i), Status: 200})
		}
		p := l.Records(Query{})
		if len(p.Records) != size || p.Kept != size || p.Size != size || p.Dropped != uint64(n-size) || p.Next != uint64(n) {
			t.Fatalf("size %d: %d records, kept %d, size %d, dropped %d, next %d", size, len(p.Records), p.Kept, p.Size, p.Dropped, p.Next)
		}
		for i, r := range p.Records {
			if want := uint64(n - size + 1 + i); r.Sequence != want || r.Path != fmt.Sprint("/", want) {
				t.Fatalf("size %d: record %d is %d %s, want %d", size, i, r.Sequence, r.Path, want)
			}
		}
		if p.Evicted.IsZero() {
			t.Errorf("size %d: Evicted is zero", size)
		}
	}
}

func TestHostileRequestLineIsBounded(t *testing.T) {
	l := New(1)
	put(l, Record{Method: strings.Repeat("M", 1<<20), Path: "/" + strings.Repeat("é", 1<<20)})
	r := l.Records(Query{}).Records[0]
	if len(r.Method) > maxMethod || len(r.Path) > maxPath || strings.ToValidUTF8(r.Path, "?") != r.Path {
		t.Errorf("kept %d bytes of method and %d of path", len(r.Method), len(r.Path))
	}
}

func TestChangedWakesWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(4)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for seen := uint64(0); seen < 5; {
					changed := l.Changed()
					p := l.Records(Query{After: seen})
					if p.Next == seen {
						<-changed
					}
					seen = p.Next
				}
			})
		}
		for range 5 {
			put(l, Record{Status: 200})
		}
		wg.Wait()
	})
}

// Many writers and readers at once: sequence numbers have no gap, no record is
// torn, and the totals agree.
func TestHammer(t *testing.T) {
	l := New(100)
	const writers, each = 8, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				s := fmt.Sprint(w, "-", i)
				e := l.Begin(Record{App: "hello", AppID: "1", Revision: w%2 + 1, Path: s, Request: s})
				release := e.Hold()
				wg.Go(func() { e.Guest(s, s); e.End(OK); release() })
				e.Finish(Reply{Status: 200})
			}
		})
	}
	readers := make(chan struct{})
	go func() {
		defer close(readers)
		for seen := uint64(0); seen < writers*each; {
			changed := l.Changed()
			p := l.Records(Query{After: seen})
			last := seen
			for _, r := range p.Records {
				if r.Sequence <= last || r.Path != r.Request || r.Component != r.Path {
					t.Errorf("after %d: %+v", last, r)
				}
				last = r.Sequence
			}
			if p.Next == seen {
				<-changed
			}
			seen = p.Next
		}
	}()
	wg.Wait()
	<-readers
	if got := l.Totals("1", time.Time{}); got != (Total{Replies: writers * each}) {
		t.Errorf("Totals = %+v, want %d replies", got, writers*each)
	}
}

func BenchmarkRecord(b *testing.B) {
	l := New(1 << 16)
	b.ReportAllocs()
	for b.Loop() {
		e := l.Begin(Record{App: "hello", AppID: "3f0c2a9e-7d51-4d0e-9c51-0d7f3d1b2a11", Revision: 3, Method: "GET", Path: "/", Request: "0123456789abcdef"})
		e.Guest("web", "/...")
		e.Finish(Reply{Status: 200, Bytes: 5})
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	l := New(1 << 16)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e := l.Begin(Record{App: "hello", AppID: "3f0c2a9e-7d51-4d0e-9c51-0d7f3d1b2a11", Revision: 3, Method: "GET", Path: "/", Request: "0123456789abcdef"})
			e.Guest("web", "/...")
			e.Finish(Reply{Status: 200, Bytes: 5})
		}
	})
}
