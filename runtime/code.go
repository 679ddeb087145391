package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
)

// compileWorkers is how many functions of a module are compiled at once.
const compileWorkers = 2

// A compiled module, and where it came from, or a compiled component.
type compiled struct {
	engine    engine
	module    wazero.CompiledModule
	outline   *module.Outline
	component *component.Component // nil: a module
}

// close frees the code.
func (c *compiled) close(ctx context.Context) error {
	if c.component != nil {
		return c.component.Close(ctx)
	}
	return c.module.Close(ctx)
}

// code has the compiled modules that are in use, by digest.
type code struct {
	compile func(ctx context.Context, wasm []byte) (*compiled, error)

	mu      sync.Mutex
	entries map[artifact.Digest]*entry // guarded by mu; in use or being compiled
	running sync.WaitGroup             // compilations
}

// An entry is one module and those who use it or wait for it. When the last of
// them goes it is dropped, and a compilation that is under way is ended.
type entry struct {
	digest artifact.Digest
	users  int                // guarded by code.mu; an entry without users gets none again
	cancel context.CancelFunc // ends the compilation
	done   chan struct{}      // closed when code and err are set
	code   *compiled
	err    error
}

// acquire returns the module of digest d. If it has to be compiled, load gets
// its bytes; a module is compiled once however many ask for it, and for as long
// as one of them waits. The caller calls release once.
func (c *code) acquire(ctx context.Context, d artifact.Digest, load func(context.Context) ([]byte, error)) (_ *compiled, release func(), err error) {
	e := c.join(ctx, d, load)
	release = sync.OnceFunc(func() { c.leave(e) })
	select {
	case <-e.done:
		err = e.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return e.code, release, nil
}

func (c *code) join(ctx context.Context, d artifact.Digest, load func(context.Context) ([]byte, error)) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.entries[d]
	if last != nil && last.users > 0 {
		last.users++
		return last
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // others may wait for it too
	e := &entry{digest: d, users: 1, cancel: cancel, done: make(chan struct{})}
	if c.entries == nil {
		c.entries = map[artifact.Digest]*entry{}
	}
	c.entries[d] = e
	c.running.Go(func() {
		defer close(e.done)
		if last != nil {
			<-last.done // cancelled, so soon
		}
		var wasm []byte
		if wasm, e.err = load(ctx); e.err == nil {
			e.code, e.err = c.compile(ctx, wasm)
		}
	})
	return e
}

// leave gives up one use of e. The last one frees the module, once a compilation
// that is under way has ended.
func (c *code) leave(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	e.cancel()
	c.running.Go(func() {
		<-e.done
		if e.code != nil {
			_ = e.code.close(context.Background()) // frees memory and cannot fail
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[e.digest] == e {
			delete(c.entries, e.digest)
		}
	})
}

// wait returns when no compilation is under way.
func (c *code) wait() { c.running.Wait() }

// compile reads and compiles a module. Only if that fails it is tried without
// the cache, to tell an invalid module from a cache that is corrupt or full.
func (h *Host) compile(ctx context.Context, wasm []byte) (*compiled, error) {
	outline, err := module.Read(wasm)
	if asComponent(outline, err) {
		c, err := compileComponent(ctx, h, wasm)
		if err != nil {
			return nil, err
		}
		return &compiled{component: c}, nil
	}
	if err != nil {
		return nil, err
	}
	if limit := uint64(h.pages()); h.limits.Memory > 0 && outline.Memory > limit {
		return nil, &LimitError{
			Limit: "memory of an instance", Value: size(limit * module.PageSize), Seen: size(outline.Memory*module.PageSize) + " at its start",
		}
	}
	if wasm, err = module.BoundTables(wasm); err != nil {
		return nil, err
	}
	ctx = experimental.WithCompilationWorkers(ctx, compileWorkers)
	m, err := compileModule(ctx, h.cached, wasm)
	if err == nil {
		return &compiled{engine: h.cached, module: m, outline: outline}, nil
	}
	if h.cache == nil || ctx.Err() != nil {
		return nil, err
	}
	e, startErr := h.withoutCache(ctx)
	if startErr != nil {
		return nil, errors.Join(err, startErr)
	}
	m, plainErr := compileModule(ctx, e, wasm)
	if plainErr != nil {
		return nil, plainErr
	}
	h.log.WarnContext(ctx, "cache of compiled code not used", keyError, err)
	return &compiled{engine: e, module: m, outline: outline}, nil
}

// compileComponent compiles and links a component. The bytes are a stranger's,
// so a panic of the compiler is an error here.
func compileComponent(ctx context.Context, h *Host, wasm []byte) (c *component.Component, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler gave up: %v", p)
		}
	}()
	c, err = h.components.Compile(ctx, wasm, h.can.linker)
	return c, h.features.explain(err)
}

// compileModule compiles for one engine. The bytes are a stranger's, so a panic
// of the compiler is an error here.
func compileModule(ctx context.Context, e engine, wasm []byte) (m wazero.CompiledModule, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the compiler gave up: %v", p)
		}
	}()
	return e.runtime.CompileModule(ctx, wasm)
}
