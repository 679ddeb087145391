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
	"path/filepath"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
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
}

// Config says how a Host runs guests.
type Config struct {
	CacheDir string // compiled code on disk; "" keeps it in memory only
	Limits   Limits
	Features Features
	Log      *slog.Logger
	// KeyValue has the stores of all apps; nil has none.
	KeyValue *keyvalue.Stores
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
	log      *slog.Logger
	environ  func(name string) (string, bool) // of variables; nil: none
	cache    wazero.CompilationCache          // nil without a directory
	cached   engine                           // compiles through cache
	code     code

	components *component.Engine
	can        capabilities    // of components
	network    *network        // and what they reach by it
	transport  *http.Transport // over network

	mu      sync.Mutex
	without *engine // guarded by mu; compiles without a cache; made when cached has failed
}

// An engine is a wazero runtime and what it offers to guests.
type engine struct {
	runtime wazero.Runtime
	offered map[string]api.FunctionDefinition // by name, of preview 1
}

// cacheVersion names the directory of compiled code. Change it when what we
// compile differs from what the digest of a module says.
const (
	cacheVersion   = "core-1"
	componentCache = "component-1"
)

// New starts a host. A cache directory that cannot be used is logged, and the
// host does without.
func New(ctx context.Context, cfg Config) (*Host, error) {
	h := &Host{
		limits: cfg.Limits, features: cfg.Features, keyValue: cfg.KeyValue, log: cfg.Log, environ: cfg.Environment,
		can: newCapabilities(cfg.Features), network: newNetwork(cfg.Offline),
	}
	h.transport = h.network.transport(cfg.Roots)
	h.code.compile = h.compile
	config := h.config()
	if cfg.CacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(filepath.Join(cfg.CacheDir, cacheVersion))
		if err != nil {
			h.log.WarnContext(ctx, "no cache of compiled code", keyError, err)
		} else {
			h.cache, config = cache, config.WithCompilationCache(cache)
		}
	}
	var err error
	h.cached, err = start(ctx, config)
	if err != nil {
		return nil, errors.Join(err, h.Close(ctx))
	}
	if h.components, err = newComponents(ctx, cfg); err != nil {
		return nil, errors.Join(err, h.Close(ctx))
	}
	return h, nil
}

// newComponents returns the engine of components, with a cache of its own. One
// that cannot be used is logged, and the engine does without.
func newComponents(ctx context.Context, cfg Config) (*component.Engine, error) {
	config := component.Config{
		Workers: compileWorkers, Interrupt: true, // until issue 4 brings its own deadline into guests
		Preview1: linkPreview1,
	}
	if cfg.CacheDir != "" {
		config.CacheDir = filepath.Join(cfg.CacheDir, componentCache)
		e, err := component.NewEngine(ctx, config)
		if err == nil {
			return e, nil
		}
		cfg.Log.WarnContext(ctx, "no cache of compiled components", keyError, err)
		config.CacheDir = ""
	}
	return component.NewEngine(ctx, config)
}

// linkPreview1 offers core modules with a world what programs of WAGI have.
func linkPreview1(ctx context.Context, r wazero.Runtime) error {
	_, err := wagi.Link(ctx, r)
	return err
}

// config is how all modules are compiled and run.
func (h *Host) config() wazero.RuntimeConfig {
	config := wazero.NewRuntimeConfig(). // the compiler, or the interpreter where there is none
						WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst |
			experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling).
		// The deadline of guests, until issue 4 brings its own into their code: this
		// one makes loops 5 to 20 times slower.
		WithCloseOnContextDone(true)
	if h.limits.Memory > 0 {
		config = config.WithMemoryLimitPages(h.pages())
	}
	return config
}

// pages is the limit of an instance's memory.
func (h *Host) pages() uint32 { return uint32(min(h.limits.Memory/module.PageSize, 1<<16)) }

func start(ctx context.Context, config wazero.RuntimeConfig) (engine, error) {
	r := wazero.NewRuntimeWithConfig(ctx, config)
	offered, err := wagi.Link(ctx, r)
	if err != nil {
		return engine{}, errors.Join(err, r.Close(ctx))
	}
	return engine{runtime: r, offered: offered}, nil
}

// withoutCache returns the engine that does not use the cache.
func (h *Host) withoutCache(ctx context.Context) (engine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.without == nil {
		e, err := start(ctx, h.config())
		if err != nil {
			return engine{}, err
		}
		h.without = &e
	}
	return *h.without, nil
}

// Close ends the host. All its apps must have been closed.
func (h *Host) Close(ctx context.Context) error {
	var errs []error
	h.code.wait()
	h.transport.CloseIdleConnections()
	if h.components != nil {
		errs = append(errs, h.components.Close(ctx))
	}
	if h.cached.runtime != nil {
		errs = append(errs, h.cached.runtime.Close(ctx))
	}
	if h.without != nil {
		errs = append(errs, h.without.runtime.Close(ctx))
	}
	if h.cache != nil {
		errs = append(errs, h.cache.Close(ctx))
	}
	return errors.Join(errs...)
}

// Keys of log records.
const (
	keyApp       = "app"
	keyComponent = "component"
	keyRequest   = "req"
	keyRevision  = "rev"
	keyError     = "err"
)
