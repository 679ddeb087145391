// Package runtime runs a Spin app: it makes an http.Handler of a lock and its
// blobs.
//
// A Host compiles each module once, whoever uses it, and an App is one revision
// that answers requests by its trigger routes. Every request to a guest has an
// instance of its own, a deadline that counts from its arrival, and bounds on
// what it reads and writes; ServeHTTP returns when the guest has ended. The
// runtime knows apps and their routes and no addresses. What it learns of a
// request it tells the entry of the ledger that the request's context carries.
package runtime

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	goruntime "runtime"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/runtime/pool"
	"github.com/neutrino-local/neutrino-local/runtime/spin/sqlite"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/store/keyvalue"
)

// Limits of one guest and one request; zero means none.
type Limits struct {
	Memory    uint64        // bytes of an instance; in whole pages of 64 KiB
	Handler   time.Duration // from the arrival of a request to the end of its guest
	Request   int64         // bytes of a request's body
	Response  int64         // bytes of a response's body
	Instances int           // of one app at once

	GuestMemory uint64        // bytes of all instances together
	Queue       time.Duration // that a request waits at most for an instance or for memory
}

// Config says how a Host runs guests.
type Config struct {
	CacheDir  string // compiled code on disk, as of package codecache; "" keeps it in memory only
	CacheSize int64  // bytes that it may have; 0: as package codecache says
	Instances Reuse
	Memories  memory.Method // how memories are reset, for tests; 0: as Instances says
	Limits    Limits
	Features  Features
	Log       *slog.Logger
	// KeyValue has the stores of all apps; nil has none.
	KeyValue *keyvalue.Stores
	// SQLite has the databases of all apps; nil has none.
	SQLite *sqlite.Store
	// Environment has values for variables of apps that were not deployed with
	// one, by the name SPIN_VARIABLE_X; nil has none.
	Environment func(name string) (string, bool)
	Roots       *x509.CertPool // of the servers that guests talk to; nil: the system's
	Offline     bool           // guests reach their own app and loopback only
}

// A Host compiles modules and makes apps of them. Its methods may be called by
// several goroutines at once.
type Host struct {
	limits   Limits
	features Features
	keyValue *keyvalue.Stores // nil: none
	sqlite   *sqlite.Store    // nil: none
	log      *slog.Logger
	environ  func(name string) (string, bool) // of variables; nil: none
	code     code

	count      counter
	components *component.Engine
	space      *memory.Space
	pool       *pool.Pool
	can        capabilities    // of components
	network    *network        // and what they reach by it
	roots      *x509.CertPool  // of the servers there; nil: the system's
	transport  *http.Transport // over network
}

// compileWorkers is how many functions are compiled at once.
const compileWorkers = 2

// New starts a host. A cache directory that cannot be used is logged, and the
// host does without.
func New(ctx context.Context, cfg Config) (*Host, error) {
	h := &Host{
		limits: cfg.Limits, features: cfg.Features, keyValue: cfg.KeyValue, sqlite: cfg.SQLite, log: cfg.Log, environ: cfg.Environment,
		can: newCapabilities(cfg.Features), network: newNetwork(cfg.Offline), roots: cfg.Roots,
	}
	h.transport = h.network.transport(cfg.Roots)
	h.code.compile = h.compile
	var err error
	if h.can.preview1, err = wagi.NewPreview1(ctx, h.can.linker); err != nil {
		return nil, err
	}
	if err := h.openPool(ctx, cfg); err != nil {
		return nil, err
	}
	h.components, err = component.NewEngine(ctx, component.Config{
		Cache: openCache(ctx, cfg), Workers: compileWorkers, Preview1: h.can.preview1.Link, Space: h.space, Log: h.log,
	})
	return h, err
}

// turnsPerProcessor is how many guests share a processor before they have to
// queue for it. With few, every request beside a busy guest waits for slices of
// turns to end; among many, Go's scheduler is quicker, since each of them gives
// way after a fraction of a millisecond.
const turnsPerProcessor = 8

// openPool makes what instances come from.
func (h *Host) openPool(ctx context.Context, cfg Config) (err error) {
	method, err := cfg.Instances.method(cfg.Memories)
	if err != nil {
		return err
	}
	h.space, err = memory.New(memory.Config{Method: method, Budget: cfg.Limits.GuestMemory, Reclaim: h.reclaim})
	if err != nil {
		return err
	}
	if err := cfg.Instances.check(h.space); err != nil {
		return errors.Join(err, h.space.Close())
	}
	for _, why := range h.space.Rejected() {
		h.log.InfoContext(ctx, "a way to reset memories does not work here", keyError, why)
	}
	h.pool = pool.New(pool.Config{
		Turns: turnsPerProcessor * goruntime.GOMAXPROCS(0),
		Room: func(err error) bool {
			short, ok := errors.AsType[*memory.LimitError](err)
			return ok && short.Limit == memory.LimitServer
		},
		Failed: func(app string, err error) {
			h.log.Warn("an instance could not be reset or closed", keyApp, app, keyError, err)
		},
	})
	return nil
}

// reclaim closes idle instances until there is room for need bytes.
func (h *Host) reclaim(need uint64) {
	h.pool.Shed(context.Background(), func() bool { return h.space.Room(need) })
}

// openCache opens the cache of compiled code, or returns nil.
func openCache(ctx context.Context, cfg Config) *codecache.Cache {
	if cfg.CacheDir == "" {
		return nil
	}
	cache, err := codecache.Open(cfg.CacheDir, cfg.CacheSize)
	if err != nil {
		cfg.Log.WarnContext(ctx, "no cache of compiled code", keyError, err)
		return nil
	}
	return cache
}

// Close ends the host. All its apps must have been closed.
func (h *Host) Close(ctx context.Context) error {
	h.code.wait()
	h.transport.CloseIdleConnections()
	ctx = context.WithoutCancel(ctx) // there is nothing to wait for
	defer h.can.close()
	return errors.Join(h.pool.Close(ctx), h.components.Close(ctx), h.can.preview1.Close(ctx), h.space.Close())
}

// Keys of log records.
const (
	keyApp       = "app"
	keyComponent = "component"
	keyRequest   = "req"
	keyRevision  = "rev"
	keyError     = "err"
)
