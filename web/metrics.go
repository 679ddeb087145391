package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/neutrino-local/neutrino-local/web/api"
)

// metrics returns the handler of /metrics. It reads the figures when it is
// asked, so that nothing is counted twice.
func metrics(cfg Config) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(cfg),
	)
	if cfg.Guests != nil {
		registry.MustRegister(cfg.Guests)
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// A collector tells of the apps.
type collector struct {
	api   *api.Server
	ready func() bool

	info, up, apps, replies, failed, revision, deploying, loaded *prometheus.Desc
}

func newCollector(cfg Config) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("neutrino_"+name, help, labels, nil)
	}
	return &collector{
		api:       cfg.API,
		ready:     cfg.Ready,
		info:      desc("build_info", "The version that runs.", "version"),
		up:        desc("ready", "1 if the apps are restored."),
		apps:      desc("apps", "Apps by health.", "health"),
		replies:   desc("replies_total", "Replies of an app since the server started.", "app"),
		failed:    desc("replies_failed_total", "Those with a status from 500 or without a whole reply.", "app"),
		revision:  desc("current_revision", "The number of the committed revision.", "app"),
		deploying: desc("deployment_share_percent", "New requests that go to the revision of a deployment under way.", "app", "revision", "phase"),
		loaded:    desc("requests_in_flight", "Requests that a revision is serving.", "app", "revision", "role"),
	}
}

func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.info, c.up, c.apps, c.replies, c.failed, c.revision, c.deploying, c.loaded} {
		out <- d
	}
}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	ready := 0.0
	if c.ready() {
		ready = 1
	}
	gauge(c.up, ready)
	gauge(c.info, 1, c.api.About().Version)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // Collect has no context
	defer cancel()
	apps, err := c.api.Apps(ctx, time.Time{})
	if err != nil {
		out <- prometheus.NewInvalidMetric(c.apps, err)
		return
	}
	health := map[string]float64{}
	for _, app := range apps {
		health[app.Health]++
		sum := c.api.Ledger.Sum(app.ID)
		counter(c.replies, sum.Replies, app.Name)
		counter(c.failed, sum.Failed, app.Name)
		gauge(c.revision, float64(app.Current), app.Name)
		if d := app.Deployment; d != nil && d.EndedAt == nil {
			gauge(c.deploying, float64(d.Share), app.Name, strconv.Itoa(d.Revision), d.Phase)
		}
		for _, b := range c.api.Backends(app.ID) {
			gauge(c.loaded, float64(b.InFlight), app.Name, strconv.Itoa(int(b.Revision)), b.Role)
		}
	}
	for state, n := range health {
		gauge(c.apps, n, state)
	}
}
