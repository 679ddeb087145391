package e2e

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// A wrkFigure is what wrk says of a server that it has kept busy for a while.
type wrkFigure struct {
	rate     float64 // requests a second
	p50, p99 time.Duration
	failed   string // what went wrong; "": nothing
}

// needWrk skips a benchmark where there is no wrk.
func needWrk(b *testing.B) {
	if _, err := exec.LookPath("wrk"); err != nil {
		b.Skip("needs wrk: apt-get install wrk")
	}
}

var (
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkQuantile = regexp.MustCompile(`\s(50|99)%\s+(\S+)`)
	wrkFailures = regexp.MustCompile(`(?:Non-2xx|Socket errors).*`)
)

// runWrk has wrk ask for a URL over and over again.
func runWrk(ctx context.Context, seconds, connections int, url, host string) (wrkFigure, error) {
	out, err := exec.CommandContext(ctx, "wrk", "-t", "1", "-c", strconv.Itoa(connections), "-d", strconv.Itoa(seconds),
		"--timeout", "10", "--latency", "-H", "Host: "+host, url).CombinedOutput()
	if err != nil {
		return wrkFigure{}, fmt.Errorf("wrk: %w\n%s", err, out)
	}
	return parseWrk(string(out))
}

func parseWrk(out string) (wrkFigure, error) {
	f := wrkFigure{failed: wrkFailures.FindString(out)}
	rate := wrkRate.FindStringSubmatch(out)
	quantiles := wrkQuantile.FindAllStringSubmatch(out, -1)
	if rate == nil || len(quantiles) != 2 {
		return f, fmt.Errorf("wrk printed\n%s", out)
	}
	var errs [3]error
	f.rate, errs[0] = strconv.ParseFloat(rate[1], 64)
	f.p50, errs[1] = time.ParseDuration(quantiles[0][2])
	f.p99, errs[2] = time.ParseDuration(quantiles[1][2])
	return f, errors.Join(errs[:]...)
}

// benchWrk measures an app of ours: none of its requests may fail.
func benchWrk(b *testing.B, seconds, connections int, url, host string) wrkFigure {
	var f wrkFigure
	for b.Loop() {
		var err error
		if f, err = runWrk(b.Context(), seconds, connections, url, host); err != nil || f.failed != "" {
			b.Fatal(err, f.failed)
		}
	}
	f.report(b)
	return f
}

// report is the figure as metrics.
func (f wrkFigure) report(b *testing.B) {
	b.ReportMetric(f.rate, "req/s")
	b.ReportMetric(micro(f.p50), "p50-µs")
	b.ReportMetric(micro(f.p99), "p99-µs")
}

// cells are the figure in a table.
func (f wrkFigure) cells() string {
	if f.failed != "" {
		return f.failed + "\t\t\t"
	}
	return fmt.Sprintf("%.0f\t%s\t%s\t", f.rate, short(f.p50), short(f.p99))
}

// short is a duration with about three digits.
func short(d time.Duration) string {
	unit := time.Microsecond
	for unit*1000 < d {
		unit *= 10
	}
	return d.Round(unit).String()
}
