package runtime

import (
	goruntime "runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestMetrics has guests that end in several ways, and looks at what is told of
// them.
func TestMetrics(t *testing.T) {
	limits := akamai
	limits.Handler = 500 * time.Millisecond
	h := newHost(t, limits)
	spec := componentSpec(components.CHTTP)
	spec.AppID = "one"
	v := serve(t, h, spec)
	for _, path := range []string{"/", "/", "/t", "/l"} {
		r := v.request("GET", path, nil)
		r.Close = true
		v.do(r)
		v.outcome()
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(h); err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		"neutrino_fuel_stops_total":                    1,
		"neutrino_traps_total unreachable":             1,
		"neutrino_instances_refused_total":             0,
		"neutrino_instances_waiting":                   0,
		"neutrino_guest_memory_limit_bytes":            0,
		"neutrino_instances_discarded_total cancelled": 1,
		"neutrino_instances_discarded_total trapped":   1,
	}
	var got map[string]float64
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); { // guests end behind their replies
		got = gather(t, registry)
		if same := func(key string, n float64) bool { return got[key] == n }; all(want, same) {
			break
		}
		goruntime.Gosched()
	}
	for key, n := range want {
		if have, ok := got[key]; !ok || have != n {
			t.Errorf("%s = %v, want %v", key, have, n)
		}
	}
	if got["neutrino_instances_made_total"] < 1 || got["neutrino_guest_memory_bytes"] <= 0 {
		t.Errorf("%v", got)
	}
	checkStats(t, h, "one")
}

// checkStats looks at what is told of an app, and that nothing is of others.
func checkStats(t *testing.T, h *Host, id string) {
	t.Helper()
	s := h.Stats(id)
	if len(s) != 1 || s[0].Stops != 1 || s[0].Traps["unreachable"] != 1 || s[0].Pool.Leases != 4 {
		t.Errorf("Stats(%s) = %+v", id, s)
	}
	if s := h.Stats("another"); len(s) != 0 {
		t.Errorf("another app has %+v", s)
	}
	if h.Memory().Used == 0 {
		t.Error("instances without memory")
	}
}

func all(m map[string]float64, is func(string, float64) bool) bool {
	for k, v := range m {
		if !is(k, v) {
			return false
		}
	}
	return true
}

// gather returns what is told, by name and reason or kind.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() == "reason" || l.GetName() == "kind" {
					key += " " + l.GetValue()
				}
			}
			got[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got
}
