package applog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
)

// TestHammer appends, tails, follows and deletes at once.
func TestHammer(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{Files: 3, FileSize: 4 << 10, Queue: 2 << 10})
	apps := []store.AppID{hello, other, store.NewAppID(), store.NewAppID()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var followers, rest sync.WaitGroup
	for _, app := range apps {
		for range 2 {
			followers.Go(func() {
				var last uint64
				for line, err := range l.Follow(ctx, Query{App: app}) {
					if err != nil || line.Sequence <= last {
						t.Errorf("line %d after %d, %v", line.Sequence, last, err)
						return
					}
					last = line.Sequence
				}
			})
			rest.Go(func() {
				for i := range 500 {
					l.Append(Line{App: app, Message: strings.Repeat("x", rand.IntN(200))})
					if i%50 == 0 {
						checkOrder(t, l, app)
					}
				}
			})
		}
	}
	rest.Go(func() {
		if err := l.Delete(apps[3]); err != nil {
			t.Error(err)
		}
	})
	rest.Wait()
	cancel()
	followers.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func checkOrder(t *testing.T, l *Logs, app store.AppID) {
	lines, err := l.Tail(context.Background(), Query{App: app, Max: 20})
	if err != nil {
		t.Error(err)
		return
	}
	for i := 1; i < len(lines); i++ {
		if lines[i].Sequence != lines[i-1].Sequence+1 {
			t.Errorf("line %d after line %d", lines[i].Sequence, lines[i-1].Sequence)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	l := openIn(b, b.TempDir(), Limits{})
	line := Line{App: hello, Revision: 3, Component: "front", Request: "0123456789abcdef", Stream: "stdout", Message: strings.Repeat("a line of a guest ", 5)}
	b.ReportAllocs()
	for b.Loop() {
		l.Append(line)
	}
	b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
}

func BenchmarkTail(b *testing.B) {
	l := openIn(b, b.TempDir(), Limits{})
	for i := range 200_000 {
		l.Append(Line{App: hello, Component: "front", Stream: "stdout", Message: fmt.Sprintf("line %d of a guest that says a lot", i)})
		if i%1000 == 0 {
			tail(b, l, Query{App: hello, Max: -1})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if lines := tail(b, l, Query{App: hello, Max: 10}); len(lines) != 10 {
			b.Fatal(len(lines))
		}
	}
}
