package main

import (
	"slices"
	"testing"
)

func TestOpener(t *testing.T) {
	const address = "http://127.0.0.1:7733/_neutrino/"
	for system, want := range map[string][]string{
		"linux":   {"xdg-open", address},
		"freebsd": {"xdg-open", address},
		"darwin":  {"open", address},
		"windows": {"rundll32", "url.dll,FileProtocolHandler", address},
	} {
		program, args := opener(system, address)
		if got := append([]string{program}, args...); !slices.Equal(got, want) {
			t.Errorf("opener(%s) = %q, want %q", system, got, want)
		}
	}
}
