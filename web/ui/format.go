package ui

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// functions are what templates can call.
func functions(assets map[string]asset) template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) string {
			return "/_neutrino/static/" + name + "?v=" + assets[name].hash
		},
		"rev":     func(n int) string { return store.RevisionNumber(n).String() },
		"tone":    tone,
		"doing":   doing,
		"short":   shortDigest,
		"bytes":   byteSize,
		"count":   thousands,
		"ms":      milliseconds,
		"span":    func(n int64) string { return (time.Duration(n) * time.Millisecond).String() },
		"us":      func(n int64) string { return duration(time.Duration(n) * time.Microsecond) },
		"each":    each,
		"ago":     func(t time.Time) string { return ago(time.Since(t)) },
		"stamp":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"clock":   func(t time.Time) string { return t.UTC().Format("15:04:05.000") },
		"query":   url.QueryEscape,
		"key":     shownKey,
		"segment": url.PathEscape,
		"decimal": decimalSize,
		"class":   statusClass,
		"sub":     func(a, b int) int { return a - b },
	}
}

// tones are the colours that revisions take by turns.
const tones = 6

func tone(revision int) string { return "rev" + strconv.Itoa(((revision-1)%tones+tones)%tones) }

func shortDigest(d string) string {
	_, sum, ok := strings.Cut(d, ":")
	if !ok || len(sum) < 12 {
		return d
	}
	return sum[:12]
}

func byteSize(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// decimalSize prints a limit that the vendor gives in decimal units.
func decimalSize(n int64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%d B", n)
	case n < 1e6:
		return fmt.Sprintf("%g KB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%g MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%g GB", float64(n)/1e9)
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func milliseconds(n int64) string { return thousands(n) + " ms" }

func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return d.Round(time.Second).String()
}

// each prints the mean of n times that took so many microseconds in all.
func each(us, n int64) string {
	if n == 0 {
		return "–"
	}
	return duration(time.Duration(us) * time.Microsecond / time.Duration(n))
}

func ago(d time.Duration) string {
	switch {
	case d < 5*time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

func statusClass(status int) string {
	switch {
	case status >= 500, status == 0:
		return "bad"
	case status >= 400:
		return "warn"
	}
	return "good"
}
