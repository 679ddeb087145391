package router

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

// The sequences are part of what --failover-seed promises: a change here changes
// what users have written down. They were computed by another program.
func TestMixIsTheSameEverywhere(t *testing.T) {
	tests := []struct {
		seed     uint64
		from, to store.RevisionNumber
		step     int
		want     []int
	}{
		{7, 1, 2, 1, []int{72, 98, 26, 44, 81, 25, 85, 40, 57, 16, 9, 4}},
		{7, 1, 2, 2, []int{5, 27, 84, 56, 78, 1, 66, 37, 1, 66, 37, 27}},
		{8, 1, 2, 1, []int{18, 99, 7, 1, 77, 32, 85, 62, 15, 52, 91, 75}},
		{7, 2, 1, 1, []int{40, 79, 47, 76, 41, 18, 35, 9, 65, 5, 57, 25}},
		{0, 1, 2, 0, []int{11, 64, 28, 54, 53, 67, 60, 53, 5, 73, 94, 50}},
	}
	for _, tt := range tests {
		base := mixBase(tt.seed, tt.from, tt.to, tt.step)
		var got []int
		for n := range uint64(12) {
			got = append(got, mixAt(base, n))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("seed %d, %s to %s, step %d: %s", tt.seed, tt.from, tt.to, tt.step, diff)
		}
	}
}

func TestMixKeepsToTheShare(t *testing.T) {
	for _, share := range []int{1, 10, 25, 50, 75, 99} {
		for seed := range uint64(20) {
			base, hits := mixBase(seed, 1, 2, 1), 0
			const n = 10000
			for i := range uint64(n) {
				if mixAt(base, i) < share {
					hits++
				}
			}
			if got, want := hits, n*share/100; got < want-300 || got > want+300 {
				t.Errorf("seed %d, %d%%: %d of %d", seed, share, got, n)
			}
		}
	}
}

// served returns who answers n requests, as one digit each.
func served(rt *Router, target Target, n int) string {
	s := ""
	for range n {
		w := httptest.NewRecorder()
		rt.Serve(w, httptest.NewRequest("GET", "/", nil), target)
		s += w.Body.String()
	}
	return s
}

func says(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(s)) })
}

func TestShare(t *testing.T) {
	rt := New(nil)
	route := Route{App: "1", Name: "hello", Current: NewBackend(1, says("1")), Candidate: NewBackend(2, says("2")), Seed: 7, Deployment: "d"}
	hello := Target{App: "hello"}
	for _, tt := range []struct {
		share, step int
		want        string
	}{
		{0, 0, "11111111"},
		{50, 1, "1122"}, // golden: 72, 98, 26, 44,
		{50, 1, "1212"}, // 81, 25, 85, 40: the count goes on
		{50, 2, "2211"}, // 5, 27, 84, 56: a new step begins at 0
		{50, 1, "1122"},
		{100, 3, "22222222"},
	} {
		route.Share, route.Step = tt.share, tt.step
		rt.Replace(route)
		if got := served(rt, hello, len(tt.want)); got != tt.want {
			t.Errorf("share %d, step %d: %s, want %s", tt.share, tt.step, got, tt.want)
		}
	}
	if got := served(rt, Target{App: "hello", Revision: 1}, 3); got != "111" {
		t.Errorf("r1--hello got %s, want 111", got)
	}
	route.Share, route.Step = 0, 4
	rt.Replace(route)
	if got := served(rt, Target{App: "hello", Candidate: true}, 3); got != "222" {
		t.Errorf("candidate--hello got %s, want 222", got)
	}
	if got := served(rt, Target{App: "hello", Revision: 2}, 3); got != "222" {
		t.Errorf("r2--hello got %s, want 222", got)
	}
}

func TestTwoAppsWithOneName(t *testing.T) {
	rt := New(nil)
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(1, says("a"))})
	rt.Replace(Route{App: "2", Name: "hello", Current: NewBackend(1, says("b"))})
	rt.Replace(Route{App: "1", Name: "hello", Current: NewBackend(2, says("A"))})
	if got := served(rt, Target{App: "hello"}, 1) + served(rt, Target{App: "2"}, 1); got != "Ab" {
		t.Errorf("name and second id got %s, want Ab: the first keeps the name", got)
	}
	rt.Remove("1")
	rt.Remove("1")
	if got := served(rt, Target{App: "hello"}, 1); got != "b" {
		t.Errorf("after the first is gone: %s, want b", got)
	}
	rt.Remove("2")
	if _, ok := rt.Route("2"); ok {
		t.Error("the route of an app that was removed is there")
	}
}
