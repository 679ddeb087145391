package ui

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestPhases(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	d := apitype.Deployment{
		Events: []apitype.PhaseEvent{
			{Phase: "creating", At: at(0)}, {Phase: "switching", At: at(100)},
			{Phase: "switching", At: at(200), Detail: "50%"}, {Phase: "live", At: at(1000)},
		},
		EndedAt: new(at(1000)),
	}
	want := []segment{
		{Phase: "creating", X: 0, Width: 12 + 96.4, Took: "100.0 ms"},
		{Phase: "switching", X: 108.4, Width: 12 + 867.6, Took: "900.0 ms", Detail: "50%"},
		{Phase: "live", X: 988, Width: 12},
	}
	if diff := cmp.Diff(want, phases(d, time.Time{}), cmpopts.EquateApprox(0, 0.001)); diff != "" {
		t.Error(diff)
	}
	if got := phases(apitype.Deployment{}, start); got != nil {
		t.Errorf("phases of nothing = %v", got)
	}
	backwards := apitype.Deployment{Events: []apitype.PhaseEvent{{Phase: "creating", At: at(50)}, {Phase: "pulling", At: at(0)}}}
	for _, s := range phases(backwards, at(0)) {
		if s.Width < least || s.X < 0 || s.X > barWidth {
			t.Errorf("a clock that was set back: %+v", s)
		}
	}
}

func TestSparks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 500, time.UTC)
	second := func(back int) time.Time { return now.Truncate(time.Second).Add(-time.Duration(back) * time.Second) }
	got := sparks([]apitype.Count{
		{App: "a", Revision: 1, Second: second(61), Replies: 1000},
		{App: "a", Revision: 1, Second: second(60), Replies: 5},
		{App: "a", Revision: 1, Second: second(1), Replies: 4, Failed: 1},
		{App: "a", Revision: 2, Second: second(1), Replies: 6, Failed: 2},
		{App: "a", Revision: 2, Second: second(0), Replies: 1000}, // not over yet
	}, now)["a"]
	if got.Rate != "1.0" || got.Failed != 3 {
		t.Errorf("rate %s, failed %d, want 1.0 and 3", got.Rate, got.Failed)
	}
	if want := "0,10.0 1,19.0"; got.Points[:len(want)] != want {
		t.Errorf("points begin %s, want %s", got.Points[:20], want)
	}
	if want := "58,19.0 59,1.0"; got.Points[len(got.Points)-len(want):] != want {
		t.Errorf("points end %s, want %s", got.Points[len(got.Points)-20:], want)
	}
}

func TestIndented(t *testing.T) {
	deep := make([]byte, 10_000)
	for i := range deep {
		deep[i] = '['
	}
	for name, raw := range map[string][]byte{"deep": deep, "not JSON": []byte("{x}")} {
		if got, cut := indented(raw); got != string(raw) || cut {
			t.Errorf("%s: %d bytes, cut %v", name, len(got), cut)
		}
	}
	if got, cut := indented(make([]byte, maxShown+1)); len(got) != maxShown || !cut {
		t.Errorf("long: %d bytes, cut %v", len(got), cut)
	}
	if got, _ := indented([]byte(`{"a":1}`)); got != "{\n  \"a\": 1\n}" {
		t.Errorf("indented = %q", got)
	}
}

// FuzzIndented holds what a manifest of a stranger can cost.
func FuzzIndented(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":"}]"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, _ := indented(raw); len(got) > len(raw)+len(raw)*(2*64+4) {
			t.Errorf("%d bytes become %d", len(raw), len(got))
		}
	})
}

func TestFormats(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{thousands(-1234567), "-1\u202f234\u202f567"},
		{thousands(999), "999"},
		{byteSize(1536), "1.5 KiB"},
		{shortDigest("sha256:0123456789abcdef"), "0123456789ab"},
		{shortDigest("odd"), "odd"},
		{tone(7), "rev0"},
		{tone(0), "rev5"},
		{ago(90 * time.Minute), "1 h ago"},
		{duration(1500 * time.Microsecond), "1.5 ms"},
		{statusClass(0), "bad"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
