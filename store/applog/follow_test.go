package applog

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/neutrino-local/neutrino-local/store"
)

func TestFollow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := openIn(t, t.TempDir(), Limits{FileSize: 500, Files: 50}) // rotates while we follow
	for i := range 5 {
		l.Append(Line{App: hello, Component: "a", Message: fmt.Sprint(i)})
	}
	var got []string
	for line, err := range l.Follow(ctx, Query{App: hello, Component: "a", Max: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Message)
		switch n := len(got); {
		case n == 2: // the past is over
			for i := 5; i < 50; i++ {
				l.Append(Line{App: hello, Component: "a", Message: fmt.Sprint(i)})
				l.Append(Line{App: hello, Component: "b", Message: "not asked for"})
			}
		case n == 47:
			cancel() // ends the loop
		}
	}
	if len(got) != 47 || got[0] != "3" || got[46] != "49" {
		t.Errorf("followed %q, want 3 to 49", got)
	}
}

func TestFollowEnds(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{})
	var wg sync.WaitGroup
	ready := make(chan struct{}, 2)
	for _, app := range []store.AppID{hello, other} {
		l.Append(Line{App: app, Message: "x"})
		wg.Go(func() {
			for _, err := range l.Follow(t.Context(), Query{App: app}) {
				if err != nil {
					t.Error(err)
				}
				ready <- struct{}{}
			}
		})
	}
	<-ready
	<-ready
	if err := l.Delete(hello); err != nil {
		t.Error(err)
	}
	l.Close()
	wg.Wait() // both have ended
}

// Under load a follower sees each line once and in order, but for those that it
// is told it has lost; nobody waits for it.
func TestFollowUnderLoad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l := openIn(t, t.TempDir(), Limits{FileSize: 20_000, Files: 2})
	l.Append(Line{App: hello, Message: "start"})
	var writers, all sync.WaitGroup
	load := func() {
		for w := range 4 {
			writers.Go(func() {
				for i := range 3000 {
					l.Append(Line{App: hello, Message: fmt.Sprintf("%d/%d", w, i)})
				}
			})
		}
		all.Go(func() {
			writers.Wait()
			tail(t, l, Query{App: hello, Max: -1}) // makes room, so this one is not dropped
			l.Append(Line{App: hello, Message: "end"})
		})
	}
	var last uint64
	told := true
	for line, err := range l.Follow(ctx, Query{App: hello, Max: 1}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case line.Message == "start":
			load()
		case strings.Contains(line.Message, "skipped"):
			told = true
		case line.Sequence <= last || line.Sequence != last+1 && !told:
			t.Errorf("line %d after line %d", line.Sequence, last)
		default:
			told = false
		}
		last = line.Sequence
		if line.Message == "end" {
			cancel()
		}
	}
	all.Wait()
}

// A reader that stands still while files are rotated away is told how many lines
// it has lost.
func TestSlowFollower(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{FileSize: 1000, Files: 2})
	l.Append(Line{App: hello, Message: "first"})
	var last uint64
	for line, err := range l.Follow(t.Context(), Query{App: hello}) {
		if err != nil {
			t.Fatal(err)
		}
		if line.Message == "first" {
			for i := range 200 {
				l.Append(Line{App: hello, Message: fmt.Sprint(i)})
				tail(t, l, Query{App: hello, Max: -1})
			}
			last = line.Sequence
			continue
		}
		var n uint64
		if _, err := fmt.Sscanf(line.Message, "%d lines skipped", &n); line.Stream != Host || err != nil || n < 100 || last+n != line.Sequence {
			t.Errorf("after line %d: %+v, want a line on what was skipped", last, line)
		}
		break
	}
}

// A reader that resumes gets what came since, and one that knows more lines than
// there are, from before a loss, gets all new ones.
func TestFollowResumes(t *testing.T) {
	for _, tt := range []struct {
		after uint64
		want  []string
	}{{2, []string{"3", "4", "new"}}, {4, []string{"new"}}, {1000, []string{"new"}}} {
		synctest.Test(t, func(t *testing.T) {
			l := openIn(t, t.TempDir(), Limits{})
			for i := range 4 {
				l.Append(Line{App: hello, Message: fmt.Sprint(i + 1)})
			}
			var got []Line
			go func() {
				for line, err := range l.Follow(t.Context(), Query{App: hello, After: tt.after}) {
					if err != nil {
						t.Error(err)
					}
					got = append(got, line)
				}
			}()
			synctest.Wait() // it has read what there is
			l.Append(Line{App: hello, Message: "new"})
			synctest.Wait()
			if !slices.Equal(messages(got), tt.want) {
				t.Errorf("after %d: %q, want %q", tt.after, messages(got), tt.want)
			}
			l.Close() // ends the reader
		})
	}
}
