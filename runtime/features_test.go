package runtime

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

var cloud, local = Features{Profile: "akamai-functions"}, Features{Profile: "spin", SQLite: true, KeyValueAtomics: true, KeyValueLabels: true}

// A component whose idea of an interface is another one is refused, by check and
// by deploy, and not at its first call.
func TestInterfacesHaveTypes(t *testing.T) {
	for _, tt := range []struct{ guest, from, to, want string }{
		{"variables", "undefined", "undefinee", "fermyon:spin/variables@2.0.0"},
		{"variables", "invalid-key", "invalid-kez", "fermyon:spin/config"},
		{"variables", "upstream", "upstreem", "wasi:config/store@0.2.0-draft-2024-09-27"},
		{"spin1", "destination-not-allowed", "destination-not-allowex", "fermyon:spin/http"},
		{"spin1", "runtime-error", "runtime-errox", "fermyon:spin/"},
	} {
		wasm, err := spin.Wasm(tt.guest)
		if err != nil {
			t.Fatal(err)
		}
		if err := Check(cloud, "http", wasm); err != nil {
			t.Errorf("%s: %v", tt.guest, err)
		}
		changed := bytes.ReplaceAll(wasm, []byte(tt.from), []byte(tt.to))
		if err := Check(cloud, "http", changed); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "has another type here") || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s with %s for %s: %v", tt.guest, tt.to, tt.from, err)
		}
		if _, err := newHost(t, akamai).Compile(t.Context(), componentSpec(changed)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s with %s for %s compiles: %v", tt.guest, tt.to, tt.from, err)
		}
	}
}

// What a profile does not have is refused by its name and that of the profile.
func TestFeatures(t *testing.T) {
	with := func(m artifact.ComponentMetadata) *artifact.Component {
		return &artifact.Component{ID: "web", Metadata: m}
	}
	for _, tt := range []struct {
		component *artifact.Component
		want      string // of the cloud
	}{
		{with(artifact.ComponentMetadata{}), ""},
		{with(artifact.ComponentMetadata{KeyValueStores: []string{"default"}}), ""},
		{with(artifact.ComponentMetadata{KeyValueStores: []string{"default", "other"}}), `label "other" for component "web": the profile akamai-functions has only "default"`},
		{with(artifact.ComponentMetadata{Databases: []string{"default"}}), `SQLite database "default": the profile akamai-functions has no SQLite`},
	} {
		err := cloud.check(tt.component)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.component.Metadata, err, tt.want)
		}
		if err := local.check(tt.component); err != nil {
			t.Errorf("%+v under spin: %v", tt.component.Metadata, err)
		}
	}
}

// So are components that import the interfaces.
func TestInterfacesOfProfiles(t *testing.T) {
	for guest, want := range map[string]string{
		"sqlite":           "the profile akamai-functions does not have fermyon:spin/sqlite",
		"keyvalue-atomics": "the profile akamai-functions does not have wasi:keyvalue/atomics@0.2.0-draft2",
	} {
		wasm, err := spin.Wasm(guest)
		if err != nil {
			t.Fatal(err)
		}
		err = Check(cloud, "http", wasm)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(store.HintOf(err), "--profile spin") {
			t.Errorf("%s in the cloud: %v, want %q", guest, err, want)
		}
		h := configured(t, func(c *Config) { c.Features = cloud })
		if _, err := h.Compile(t.Context(), componentSpec(wasm)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in the cloud compiles: %v", guest, err)
		}
		if err := Check(local, "http", wasm); err != nil {
			t.Errorf("%s under spin: %v", guest, err)
		}
	}
}
