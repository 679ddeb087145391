package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const sparkSeconds = 60

// A spark is the replies of an app over the last minute, as a line in an SVG of
// 60 × 20.
type spark struct {
	Points string
	Rate   string // replies a second, over the last ten
	Failed int64  // in the minute
}

// sparks returns the sparks of all apps by id, up to the last whole second.
func sparks(counts []apitype.Count, now time.Time) map[string]spark {
	end := now.Truncate(time.Second)
	series := map[string]*[sparkSeconds]int64{}
	failed := map[string]int64{}
	for _, c := range counts {
		i := sparkSeconds - int(end.Sub(c.Second)/time.Second)
		if i < 0 || i >= sparkSeconds {
			continue
		}
		if series[c.App] == nil {
			series[c.App] = new([sparkSeconds]int64)
		}
		series[c.App][i] += c.Replies
		failed[c.App] += c.Failed
	}
	found := map[string]spark{}
	for app, s := range series {
		found[app] = spark{line(s[:]), rate(s[sparkSeconds-10:]), failed[app]}
	}
	return found
}

// line returns the points of a polyline, the highest value at the top.
func line(values []int64) string {
	top := int64(1)
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	for i, v := range values {
		fmt.Fprintf(&b, "%d,%.1f ", i, 19-18*float64(v)/float64(top))
	}
	return strings.TrimSpace(b.String())
}

func rate(values []int64) string {
	sum := int64(0)
	for _, v := range values {
		sum += v
	}
	perSecond := float64(sum) / float64(len(values))
	if perSecond >= 10 || sum == 0 {
		return thousands(int64(perSecond + 0.5))
	}
	return fmt.Sprintf("%.1f", perSecond)
}

// A segment is a phase in the bar of a deployment, whose width is barWidth.
type segment struct {
	Phase    string
	X, Width float64
	Took     string // "" of the last one
	Detail   string
}

const (
	barWidth = 1000.0
	least    = 12.0 // width of a segment, so that each can be seen
)

// phases returns the segments of a deployment. Each is as wide as it took long,
// on top of a least width.
func phases(d apitype.Deployment, now time.Time) []segment {
	if d.EndedAt != nil {
		now = *d.EndedAt
	}
	var parts []part
	for i, e := range d.Events {
		if n := len(parts); n > 0 && parts[n-1].Phase == e.Phase {
			if e.Detail != "" {
				parts[n-1].Detail = e.Detail
			}
			continue
		}
		end := now
		for _, next := range d.Events[i+1:] {
			if next.Phase != e.Phase {
				end = next.At
				break
			}
		}
		took := max(0, end.Sub(e.At))
		said := duration(took)
		if store.Phase(e.Phase).Ended() {
			said = ""
		}
		parts = append(parts, part{segment{Phase: e.Phase, Took: said, Detail: e.Detail}, took})
	}
	return spread(parts)
}

// doing is what a deployment says of the compilation that it is waiting for, or
// "".
func doing(d apitype.Deployment) string {
	if n := len(d.Events); n > 0 && d.Phase == string(store.Compiling) {
		return d.Events[n-1].Detail
	}
	return ""
}

// A part is a segment that has no place yet.
type part struct {
	segment
	took time.Duration
}

// spread gives each part its place in the bar.
func spread(parts []part) []segment {
	total := time.Duration(0)
	for _, p := range parts {
		total += p.took
	}
	room := barWidth - least*float64(len(parts))
	x := 0.0
	var segments []segment
	for _, p := range parts {
		p.X, p.Width = x, least
		if total > 0 && room > 0 {
			p.Width += room * float64(p.took) / float64(total)
		}
		x += p.Width
		segments = append(segments, p.segment)
	}
	return segments
}

// parts returns the segments of a request: until a guest was given to it, until
// the head of the reply, until the reply's end, until the guest's.
func parts(r apitype.Record) []segment {
	var all []part
	last := int64(0)
	for _, p := range []struct {
		name  string
		until int64
	}{{"queue", r.QueuedUS}, {"guest", r.HeadUS}, {"reply", r.RepliedUS}, {"after", r.DurationUS}} {
		took := time.Duration(p.until-last) * time.Microsecond
		if p.until == 0 || p.name == "after" && took < 100*time.Microsecond {
			continue // it never began, or is only our own book-keeping
		}
		all = append(all, part{segment{Phase: p.name, Took: duration(took)}, took})
		last = p.until
	}
	return spread(all)
}
