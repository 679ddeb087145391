package main

import (
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestDoing(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	events := []apitype.PhaseEvent{
		{Phase: "pulling", At: at(0)}, {Phase: "compiling", At: at(5000)},
		{Phase: "compiling", At: at(5500), Detail: "soon"}, {Phase: "compiling", At: at(6500), Detail: "late"},
		{Phase: "starting", At: at(9000)},
	}
	for n, want := range []string{"", "", "", "", "late", ""} {
		dep := apitype.Deployment{Events: events[:n]}
		if n > 0 {
			dep.Phase = events[n-1].Phase
		}
		if got := doing(dep); got != want {
			t.Errorf("after %d events: %q, want %q", n, got, want)
		}
	}
}

func TestStatusLine(t *testing.T) {
	tests := []struct {
		name  string
		width int
		say   []string
		want  string
	}{
		{"nothing to say", 0, nil, "Wait... ready\n"},
		{"nothing to say on a terminal", 30, nil, "Wait...\rWait... ready\n"},
		{"a file", 0, []string{"1", "1", "", "2", "3", "4", "5", "6", "7", "8"}, "Wait...\n  1\n  2\n  4\n  8\nWait... ready\n"},
		{"a terminal", 30, []string{"one", "two or three"}, "Wait...\rWait... one\rWait... two or three\rWait... ready       \rWait... ready\n"},
		{"a narrow one", 12, []string{"one two"}, "Wait...\rWait... one\rWait... rea\n"},
	}
	for _, tt := range tests {
		var b strings.Builder
		l := newStatusLine(&b, "Wait...")
		l.width = tt.width
		for _, s := range tt.say {
			l.show(s)
		}
		l.end(" ready")
		if got := b.String(); got != tt.want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got, tt.want)
		}
	}
}
