package runtime

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
)

// A counter knows the apps that have statistics.
type counter struct {
	mu   sync.Mutex
	apps map[*App]struct{} // guarded by mu
}

func (c *counter) add(a *App) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.apps == nil {
		c.apps = map[*App]struct{}{}
	}
	c.apps[a] = struct{}{}
}

func (c *counter) remove(a *App) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.apps, a)
}

func (c *counter) all() []*App {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.apps))
}

// traps counts the ways in which guests of an app have failed.
type traps struct {
	stops atomic.Uint64 // guests that were ended while they ran

	mu    sync.Mutex
	kinds map[string]uint64 // guarded by mu
}

func (t *traps) trap(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[string]uint64{}
	}
	t.kinds[trapKind(err)]++
}

// trapKind names the fault of a guest. The engine's own are known by their text
// only, which is for people, as this is.
func trapKind(err error) string {
	if errors.Is(err, component.ErrStack) {
		return "stack"
	}
	if _, ok := errors.AsType[*wasi.ExitError](err); ok {
		return "exit"
	}
	if _, ok := errors.AsType[*sys.ExitError](err); ok {
		return "exit"
	}
	if _, ok := errors.AsType[wagi.ExitError](err); ok {
		return "exit"
	}
	if _, ok := errors.AsType[*component.Trap](err); ok {
		return "rule of the component model"
	}
	text := fmt.Sprint(err)
	for _, kind := range []string{
		"unreachable", "out of bounds memory access", "integer divide by zero", "integer overflow",
		"invalid conversion to integer", "invalid table access", "indirect call type mismatch", "stack overflow",
	} {
		if strings.Contains(text, "wasm error: "+kind) {
			return kind
		}
	}
	return "other"
}

// Stats are the statistics of a revision that runs.
type Stats struct {
	App      string
	Revision int
	Pool     pool.Stats
	Stops    uint64            // guests that were ended while they ran
	Traps    map[string]uint64 // by kind
}

// Stats returns the statistics of an app since it was compiled.
func (a *App) Stats() Stats {
	a.count.mu.Lock()
	defer a.count.mu.Unlock()
	return Stats{
		App: a.spec.App, Revision: a.spec.Revision, Pool: a.pool.Stats(),
		Stops: a.count.stops.Load(), Traps: maps.Clone(a.count.kinds),
	}
}

// Stats returns the statistics of the revisions of an app that run, by its id.
func (h *Host) Stats(appID string) []Stats {
	var all []Stats
	for _, a := range h.count.all() {
		if a.spec.AppID == appID {
			all = append(all, a.Stats())
		}
	}
	return all
}

// Memory returns the statistics of the memory of all instances.
func (h *Host) Memory() memory.Stats { return h.space.Stats() }

// metric is one of what a Host tells on /metrics.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Stats) float64
}

func metrics() []metric {
	gauge, count := prometheus.GaugeValue, prometheus.CounterValue
	m := func(name, help string, kind prometheus.ValueType, value func(*Stats) float64) metric {
		return metric{prometheus.NewDesc("neutrino_"+name, help, []string{"app", "revision"}, nil), kind, value}
	}
	return []metric{
		m("instances", "Instances of guests: at work, idle, and on their way between.", gauge, func(s *Stats) float64 { return float64(s.Pool.Size) }),
		m("instances_idle", "Instances that wait for a request.", gauge, func(s *Stats) float64 { return float64(s.Pool.Idle) }),
		m("instances_waiting", "Requests that wait for an instance.", gauge, func(s *Stats) float64 { return float64(s.Pool.Waiting) }),
		m("instances_made_total", "Instances that were made.", count, func(s *Stats) float64 { return float64(s.Pool.Made) }),
		m("instances_make_seconds_total", "Time that took.", count, func(s *Stats) float64 { return s.Pool.MakeTime.Seconds() }),
		m("instances_reset_total", "Instances that were reset after a request.", count, func(s *Stats) float64 { return float64(s.Pool.Resets) }),
		m("instances_reset_seconds_total", "Time that took.", count, func(s *Stats) float64 { return s.Pool.ResetTime.Seconds() }),
		m("instances_dirty_pages_total", "Pages that guests had written when they were reset.", count, func(s *Stats) float64 { return float64(s.Pool.Pages) }),
		m("instances_queue_seconds_total", "Time that requests have waited for an instance.", count, func(s *Stats) float64 { return s.Pool.QueueTime.Seconds() }),
		m("instances_refused_total", "Requests that have waited in vain.", count, func(s *Stats) float64 { return float64(s.Pool.Refused) }),
		m("fuel_stops_total", "Guests that were ended while they ran: by their deadline, or since nobody waits for them any more.", count,
			func(s *Stats) float64 { return float64(s.Stops) }),
	}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("neutrino_"+name, help, labels, nil)
}

// Describe is for prometheus.Collector: what there is depends on the apps.
func (h *Host) Describe(chan<- *prometheus.Desc) {}

// Collect tells how the apps' instances are, and the memory of all.
func (h *Host) Collect(out chan<- prometheus.Metric) {
	discarded := describe("instances_discarded_total", "Instances that were thrown away, by why.", "app", "revision", "reason")
	trapped := describe("traps_total", "Guests that have failed, by how.", "app", "revision", "kind")
	for _, a := range h.count.all() {
		s := a.Stats()
		labels := []string{s.App, fmt.Sprint(s.Revision)}
		for _, m := range metrics() {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s), labels...)
		}
		for r, n := range s.Pool.Discarded {
			out <- prometheus.MustNewConstMetric(discarded, prometheus.CounterValue, float64(n), append(labels, pool.Reason(r).String())...)
		}
		for kind, n := range s.Traps {
			out <- prometheus.MustNewConstMetric(trapped, prometheus.CounterValue, float64(n), append(labels, kind)...)
		}
	}
	st := h.space.Stats()
	gauge := func(name, help string, v float64) {
		out <- prometheus.MustNewConstMetric(describe(name, help), prometheus.GaugeValue, v)
	}
	gauge("guest_memory_bytes", "Memory of all instances, by what they could write.", float64(st.Used))
	gauge("guest_memory_limit_bytes", "The most that may be; 0 is no limit.", float64(st.Budget))
	out <- prometheus.MustNewConstMetric(
		describe("guest_memory_refused_total", "Growths of a memory that were refused, by whose limit.", "limit"),
		prometheus.CounterValue, float64(st.RefusedInstance), "instance")
	out <- prometheus.MustNewConstMetric(
		describe("guest_memory_refused_total", "Growths of a memory that were refused, by whose limit.", "limit"),
		prometheus.CounterValue, float64(st.RefusedServer), "server")
}
