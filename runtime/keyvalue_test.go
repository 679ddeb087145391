package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
)

// cloudStores are the limits of the default profile.
var cloudStores = keyvalue.Limits{Key: 8_000, Value: 1_000_000, Total: 2_000_000_000, Reads: 1_000, Writes: 50}

// stores opens key-value stores in a directory of their own. Their clock stands
// still.
func stores(t testing.TB, limits keyvalue.Limits) *keyvalue.Stores {
	t.Helper()
	at := time.Unix(1_000_000, 0)
	s, err := keyvalue.Open(keyvalue.Config{Dir: t.TempDir(), Limits: limits, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// storeHost returns a host whose apps have key-value stores, with all features.
func storeHost(t testing.TB, s *keyvalue.Stores) *Host {
	t.Helper()
	limits := akamai
	limits.Handler = 10 * time.Minute // a million keys take as long as they take
	h, err := New(t.Context(), Config{
		CacheDir: guests.CacheDir(), Limits: limits, Log: slog.New(slog.DiscardHandler), KeyValue: s,
		Features: Features{Profile: "spin", KeyValueAtomics: true, KeyValueLabels: true},
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

// storeSpec is an app of a guest of e2e/guests/spin that may open stores.
func storeSpec(t testing.TB, guest string, labels ...string) Spec {
	t.Helper()
	wasm, err := spin.Wasm(guest)
	if err != nil {
		t.Fatal(err)
	}
	s := componentSpec(wasm, func(c *artifact.Component) { c.Metadata.KeyValueStores = labels })
	s.AppID = string(store.NewAppID())
	return s
}

// wants fails the test unless a path is answered like this.
func (v *service) wants(path string, status int, body string) {
	v.t.Helper()
	a := v.get(path)
	if a.err != nil || a.StatusCode != status || a.body != body {
		v.t.Errorf("%s: %d %.300q, %v; want %d %q", path, a.StatusCode, a.body, a.err, status, body)
	}
}

// The guest checks each interface from inside; it replies with nothing if all is
// right.
func TestKeyValue(t *testing.T) {
	v := serve(t, storeHost(t, stores(t, keyvalue.Limits{})), storeSpec(t, "keyvalue", "default", "other"))
	for _, path := range []string{"/conformance", "/v2", "/v1", "/wasi", "/batch", "/table", "/unicode", "/lengths/300"} {
		v.wants(path, 200, "")
	}
	v.wants("/open/other", 200, "open")
	v.wants("/open/", 500, "access-denied: ")
	v.wants("/count", 200, "0")
	a := v.get("/conformance")
	if got := a.Header; a.ContentLength != 0 || got.Get("Date") == "" || len(got) != 2 {
		t.Errorf("headers %v, want Date and Content-Length: 0", got)
	}
}

// A handle of the first version that was closed ends the guest.
func TestKeyValueStaleHandle(t *testing.T) {
	v := serve(t, storeHost(t, stores(t, keyvalue.Limits{})), storeSpec(t, "keyvalue", "default"))
	v.wants("/stale", 500, "")
	if o := v.outcome(); o != ledger.Trap {
		t.Errorf("outcome %s, want %s", o, ledger.Trap)
	}
	if said := strings.Join(v.stream(streamHost), "\n"); !strings.Contains(said, "key-value store 0 is not open") {
		t.Errorf("the log has %q", said)
	}
}

func TestKeyValueWithoutPermission(t *testing.T) {
	v := serve(t, storeHost(t, stores(t, keyvalue.Limits{})), storeSpec(t, "keyvalue"))
	a := v.get("/no-permission")
	if a.StatusCode != 500 || a.body != "Error::AccessDenied" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
	v.wants("/set/k/v", 500, "access-denied: ")
	v.wants("/v1", 500, "access-denied: ")
	v.wants("/wasi", 500, "access-denied: ")
}

func TestKeyValueAtomics(t *testing.T) {
	v := serve(t, storeHost(t, stores(t, keyvalue.Limits{})), storeSpec(t, "keyvalue-atomics", "default"))
	v.wants("/atomics", 200, "")
	const clients, each = 4, 10
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				if a := v.get("/count"); a.StatusCode != 200 {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			}
		})
	}
	all.Wait()
	v.wants("/count", 200, fmt.Sprint(clients*each+1))
}

// A profile without atomics refuses a component that imports them.
func TestKeyValueRefused(t *testing.T) {
	h, err := New(t.Context(), Config{Limits: akamai, Features: Features{Profile: "akamai-functions"}, Log: slog.New(slog.DiscardHandler), KeyValue: stores(t, cloudStores)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(context.Background())
	for _, tt := range []struct {
		spec Spec
		want string
	}{
		{storeSpec(t, "keyvalue-atomics", "default"), "profile akamai-functions does not have wasi:keyvalue/atomics@0.2.0-draft2"},
		{storeSpec(t, "keyvalue", "default", "sessions"), `unknown key_value_stores label "sessions" for component "web"`},
	} {
		app, err := h.Compile(t.Context(), tt.spec)
		if err == nil {
			app.Close(t.Context())
		}
		if !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v, want %q", err, tt.want)
		}
	}
	if _, err := newHost(t, akamai).Compile(t.Context(), storeSpec(t, "keyvalue", "default")); err == nil || !strings.Contains(err.Error(), `unknown key_value_stores label "default"`) {
		t.Errorf("a host without stores: %v", err)
	}
}

// Over a limit of the profile a guest gets an error that names it, and goes on.
func TestKeyValueLimits(t *testing.T) {
	kv := stores(t, cloudStores)
	h, err := New(t.Context(), Config{CacheDir: guests.CacheDir(), Limits: akamai, Features: Features{Profile: "akamai-functions"}, Log: slog.New(slog.DiscardHandler), KeyValue: kv})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	v := serve(t, h, storeSpec(t, "keyvalue", "default"))
	for _, tt := range []struct {
		path   string
		status int
		body   string
	}{
		{"/key/0", 200, "set"},
		{"/key/8000", 200, "set"},
		{"/key/8001", 500, "other: a key of 8001 bytes: over the limit of 8 KB for a key"},
		{"/value/1000000", 200, "set"},
		{"/value/1000001", 500, "other: a value of 1000001 bytes: over the limit of 1 MB for a value"},
		{"/many/51", 500, "other: 56 key-value writes in this second: over the limit of 50 writes/s for an app"},
		{"/count", 200, "3"},
		{"/burst/write", 200, "other: 51 key-value writes in this second: over the limit of 50 writes/s for an app"},
		{"/burst/read", 200, "other: 1001 key-value reads in this second: over the limit of 1000 reads/s for an app"},
		{"/get/burst", 500, "other: 1001 key-value reads in this second: over the limit of 1000 reads/s for an app"},
	} {
		v.wants(tt.path, tt.status, tt.body)
	}
	neighbour := serve(t, h, storeSpec(t, "keyvalue", "default"))
	neighbour.wants("/set/k/v", 200, "set")
	neighbour.wants("/get/burst", 404, "(none)")
}

// A list of keys that no guest could hold is refused by its size. One that it
// can hold comes whole.
func TestKeyValueManyKeys(t *testing.T) {
	kv := stores(t, keyvalue.Limits{})
	spec := storeSpec(t, "keyvalue", "default")
	v := serve(t, storeHost(t, kv), spec)
	n := 20_000
	if os.Getenv("NEUTRINO_TEST_FULL") == "1" {
		n = 1_000_000
	}
	v.wants(fmt.Sprint("/many/", n), 200, "set")
	v.wants("/count", 200, fmt.Sprint(n))

	a := kv.App(store.AppID(spec.AppID))
	var pairs []keyvalue.Pair
	long := strings.Repeat("k", keyvalue.MaxKey-4)
	for i := range 16 {
		pairs = append(pairs, keyvalue.Pair{Key: fmt.Sprintf("%02d%s", i, long)})
	}
	for range 9 { // more than 128 MiB of keys
		for i := range pairs {
			pairs[i].Key = "x" + pairs[i].Key[:keyvalue.MaxKey-4]
		}
		if err := a.SetMany(t.Context(), "default", pairs); err != nil {
			t.Fatal(err)
		}
	}
	v.wants("/count", 500, "other: query result exceeds limit of 134217728 bytes")
}

func BenchmarkKeyValue(b *testing.B) {
	v := serve(b, storeHost(b, stores(b, keyvalue.Limits{})), storeSpec(b, "keyvalue", "default"))
	v.quiet = true
	v.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 16 // else most requests dial
	v.wants("/set/k/value", 200, "set")
	for _, path := range []string{"/get/k", "/set/k/value"} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/clients=%d", path[1:4], clients), func(b *testing.B) {
				v.hammer(b, path, clients)
			})
		}
	}
}

// hammer has so many clients ask for a path b.N times together.
func (v *service) hammer(b *testing.B, path string, clients int) {
	b.Helper()
	requests := make(chan struct{})
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range requests {
				if a := v.get(path); a.StatusCode != http.StatusOK || a.err != nil {
					b.Errorf("%d %s, %v", a.StatusCode, a.body, a.err)
				}
				<-v.ended
			}
		})
	}
	b.ResetTimer()
	for range b.N {
		requests <- struct{}{}
	}
	close(requests)
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
