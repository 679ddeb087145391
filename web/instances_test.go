package web

import (
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// guests is what the tests' runtime tells.
func guests(store.AppID) apitype.Instances {
	return apitype.Instances{
		Revisions: []apitype.RevisionInstances{
			{Revision: 1},
			{Revision: 2, Size: 4, Idle: 3, InUse: 1, Waiting: 2, Leases: 1000, QueueUS: 9000, QueueMaxUS: 1700, Refused: 5, Made: 12, MakeUS: 18000,
				Resets: 1100, ResetUS: 93500, DirtyPages: 13200, FuelStops: 3, Traps: map[string]int64{"unreachable": 2, "stack": 1}},
		},
		Memory: apitype.GuestMemory{Bytes: 12 << 20, Limit: 4 << 30, RefusedInstance: 7, RefusedServer: 8},
	}
}

func TestInstancesOnPage(t *testing.T) {
	s := newSite(t, "")
	_, page := s.do(t, call{method: "GET", path: "/_neutrino/apps/hello"})
	for _, want := range []string{
		"r2 4 · 1 in use, 3 idle 2 waiting · 1\u202f000 got one after 9 µs on average, 1.7 ms at most, 5 in vain 12 · 1.5 ms on average " +
			"1\u202f100 · 85 µs on average, 13\u202f200 dirty pages in all 1 × stack 2 × unreachable 3 × stopped by fuel",
		"r1 0 · 0 in use, 0 idle 0 waiting · none got one 0 0 none",
		"The guests of all apps have 12.0 MiB of memory of at most 4.0 GiB; 7 growths were over the limit of an instance; 8 were over the limit of the server.",
	} {
		if text := words(page); !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	checkMarkup(t, "/apps/hello", page)

	s.api.Guests = func(store.AppID) apitype.Instances { return apitype.Instances{} }
	_, page = s.do(t, call{method: "GET", path: "/_neutrino/apps/hello"})
	if text := words(page); !strings.Contains(text, "No revision runs, so there is no instance.") || strings.Contains(text, "Made afresh") {
		t.Errorf("the page of an app that does not run: %s", text)
	}
}
