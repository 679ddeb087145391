package component

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// Config is how an engine compiles.
type Config struct {
	Cache   *codecache.Cache // compiled code on disk; nil: in memory only
	Workers int              // functions that are compiled at once, of all modules together; 0: one
	// Preview1 gives a runtime the functions of WASI preview 1, for core modules
	// that import them; nil: wazero's.
	Preview1 func(context.Context, wazero.Runtime) error
	// Space has the memories of guests; nil: they are on the Go heap, and
	// instances cannot be reset.
	Space *memory.Space
	Log   *slog.Logger // nil: none
}

// An Engine compiles components. It also takes core modules that have the names
// of wit-bindgen and a component-type section, and commands of WASI preview 1.
type Engine struct {
	cache    *codecache.Cache
	workers  chan struct{} // holds one for each function that is being compiled
	preview1 func(context.Context, wazero.Runtime) error
	space    *memory.Space
	own      bool // the space is the engine's
	log      *slog.Logger

	keeping sync.WaitGroup // code that is being put into the cache

	mu   sync.Mutex
	open map[*Component]struct{} // guarded by mu
}

// NewEngine returns an engine, which must be closed.
func NewEngine(_ context.Context, cfg Config) (*Engine, error) {
	e := &Engine{
		cache: cfg.Cache, workers: make(chan struct{}, max(1, cfg.Workers)),
		preview1: cfg.Preview1, space: cfg.Space, log: cfg.Log, open: map[*Component]struct{}{},
	}
	if e.space == nil {
		var err error
		if e.space, err = memory.New(memory.Config{Method: memory.Fresh}); err != nil {
			return nil, err
		}
		e.own = true
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.preview1 == nil {
		e.preview1 = func(ctx context.Context, r wazero.Runtime) error {
			_, err := wasi_snapshot_preview1.Instantiate(ctx, r)
			return err
		}
	}
	return e, nil
}

// Close frees all code. No instance may be in use.
func (e *Engine) Close(ctx context.Context) error {
	e.keeping.Wait()
	e.mu.Lock()
	open := slices.Collect(maps.Keys(e.open))
	e.mu.Unlock()
	var errs []error
	for _, c := range open {
		errs = append(errs, c.Close(ctx))
	}
	if e.own {
		errs = append(errs, e.space.Close())
	}
	return errors.Join(errs...)
}

func (e *Engine) add(c *Component) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.open[c] = struct{}{}
}

// remove reports whether c was open.
func (e *Engine) remove(c *Component) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.open[c]
	delete(e.open, c)
	return ok
}

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExceptionHandling

// cacheKey is the key of compiled code: of what, and by whose code.
func cacheKey(kind, digest string) string {
	return strings.Join([]string{digest, kind, "v" + fmt.Sprint(codeVersion), wazeroVersion(), runtime.GOARCH, runtime.GOOS}, "-")
}

// wazeroVersion is what this binary was built with.
func wazeroVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "wazero"
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/tetratelabs/wazero" {
			return d.Version
		}
	}
	return "wazero"
}

func digestOf(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// newRuntime makes the runtime of one component, whose code is in dir.
func newRuntime(ctx context.Context, dir string) (wazero.Runtime, wazero.CompilationCache, error) {
	cache := wazero.NewCompilationCache()
	if dir != "" {
		var err error
		if cache, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
			return nil, nil, fmt.Errorf("compilation cache %s: %w", dir, err)
		}
	}
	config := wazero.NewRuntimeConfig().WithCoreFeatures(features).WithCompilationCache(cache)
	return wazero.NewRuntimeWithConfig(ctx, config), cache, nil
}

// compile compiles one module, with as many workers as are free but at least
// one.
func (e *Engine) compile(ctx context.Context, r wazero.Runtime, wasm []byte) (wazero.CompiledModule, error) {
	n := 0
	select {
	case e.workers <- struct{}{}:
		n++
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for free := true; free && n < cap(e.workers); {
		select {
		case e.workers <- struct{}{}:
			n++
		default:
			free = false
		}
	}
	defer func() {
		for range n {
			<-e.workers
		}
	}()
	return r.CompileModule(experimental.WithCompilationWorkers(ctx, n), wasm)
}
