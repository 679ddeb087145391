package main

import (
	"fmt"
	"os"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A profile is a set of limits that a server keeps; zero means none.
type profile struct {
	name     string
	memory   int64 // bytes an instance
	app      int64 // bytes, sum of the distinct layers
	handler  time.Duration
	request  int64 // bytes
	response int64 // bytes
	drain    time.Duration
	keyValue keyvalue.Limits
}

const (
	mib            = 1 << 20
	defaultProfile = "akamai-functions"
)

// profiles are those of design §8. The memory of the second is what a 32-bit
// guest can address.
func profiles() []profile {
	return []profile{
		{
			name: defaultProfile, memory: 128 * mib, app: 50 * mib, handler: 30 * time.Second,
			request: 10 * mib, response: 10 * mib, drain: 35 * time.Second,
			// The vendor says MB and KB here, and MiB elsewhere.
			keyValue: keyvalue.Limits{Key: 8_000, Value: 1_000_000, Total: 2_000_000_000, Reads: 1_000, Writes: 50},
		},
		{name: "spin", drain: 5 * time.Minute},
	}
}

func profileNames() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.name)
	}
	return names
}

func findProfile(name string) (profile, error) {
	for _, p := range profiles() {
		if p.name == name {
			return p, nil
		}
	}
	return profile{}, usagef("--profile %s: there are %v", name, profileNames())
}

func (p profile) limits() *apitype.Limits {
	return &apitype.Limits{
		MemoryBytes: p.memory, AppBytes: p.app, HandlerMS: p.handler.Milliseconds(),
		RequestBytes: p.request, ResponseBytes: p.response,
	}
}

func (p profile) String() string {
	if p.memory == 0 {
		return p.name + " (no limits)"
	}
	return fmt.Sprintf("%s (%d MiB memory, %s a request)", p.name, p.memory/mib, p.handler)
}

// featuresOf returns what a profile lets apps use. One that is not known here, of
// a newer server, has what the default has.
func featuresOf(profile string) runtime.Features {
	local := profile == "spin"
	return runtime.Features{Profile: profile, SQLite: local, KeyValueAtomics: local, KeyValueLabels: local}
}

func (p profile) features() runtime.Features { return featuresOf(p.name) }

// environment has values of variables where the profile takes them from the
// server's environment.
func (p profile) environment() func(string) (string, bool) {
	if p.name != "spin" {
		return nil
	}
	return os.LookupEnv
}
