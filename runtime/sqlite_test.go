package runtime

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/spin/sqlite"
	"github.com/neutrino-local/neutrino-local/store"
)

// databaseHost returns a host whose apps have SQLite databases.
func databaseHost(t testing.TB) *Host {
	t.Helper()
	h, err := New(t.Context(), Config{
		CacheDir: guests.CacheDir(), Limits: akamai, Log: slog.New(slog.DiscardHandler),
		SQLite: sqlite.NewStore(t.TempDir()), Features: Features{Profile: "spin", SQLite: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func databaseSpec(t testing.TB, labels ...string) Spec {
	t.Helper()
	wasm, err := spin.Wasm("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	s := componentSpec(wasm, func(c *artifact.Component) { c.Metadata.Databases = labels })
	s.AppID = string(store.NewAppID())
	return s
}

// The guest checks each interface from inside; it replies with nothing if all is
// right.
func TestSQLite(t *testing.T) {
	v := serve(t, databaseHost(t), databaseSpec(t, "default", "other"))
	for _, path := range []string{"/conformance", "/check/1", "/check/2", "/check/3"} {
		v.wants(path, 200, "")
	}
	v.wants("/open/other", 200, "open")
	v.wants("/open/third", 500, "1: access-denied")
	v.wants("/run/SELECT+count(*)+FROM+test_data", 200, "1 ")
}

func TestSQLiteNoPermission(t *testing.T) {
	v := serve(t, databaseHost(t), databaseSpec(t))
	v.wants("/no-permission", 500, "Error::AccessDenied")
}

// Apps do not see each other's databases.
func TestSQLiteApart(t *testing.T) {
	h := databaseHost(t)
	a, b := serve(t, h, databaseSpec(t, "default")), serve(t, h, databaseSpec(t, "default"))
	a.wants("/run/CREATE+TABLE+mine+(x)", 200, "(nothing)")
	b.wants("/run/SELECT+*+FROM+mine", 500, "io: no such table: mine")
}

// A profile without SQLite refuses the guest before it runs.
func TestSQLiteRefused(t *testing.T) {
	wasm, err := spin.Wasm("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	err = Check(Features{Profile: "akamai-functions"}, "http", wasm)
	if err == nil || !strings.Contains(err.Error(), "the profile akamai-functions does not have fermyon:spin/sqlite, fermyon:spin/sqlite@2.0.0, spin:sqlite/sqlite@3.0.0:") {
		t.Errorf("refusal: %v", err)
	}
	if err := Check(Features{Profile: "spin", SQLite: true}, "http", wasm); err != nil {
		t.Errorf("profile spin: %v", err)
	}
}
