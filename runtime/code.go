package runtime

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// A compiled component, or a command of preview 1.
type compiled struct {
	component *component.Component
	outline   *module.Outline // of a command; nil: a component
	missing   []string        // what a command imports and nothing provides; it is not compiled then
}

// close frees the code.
func (c *compiled) close(ctx context.Context) error {
	if c.component == nil {
		return nil
	}
	return c.component.Close(ctx)
}

// code has the compiled modules that are in use, by digest.
type code struct {
	compile func(ctx context.Context, d artifact.Digest, wasm []byte, progress func(component.Progress)) (*compiled, error)

	mu      sync.Mutex
	entries map[artifact.Digest]*entry // guarded by mu; in use or being compiled
	slots   chan struct{}              // made with entries; holds one for each module that is in memory to be compiled
	running sync.WaitGroup             // compilations
}

// An entry is one module and those who use it or wait for it. When the last of
// them goes it is dropped, and a compilation that is under way is ended.
type entry struct {
	digest artifact.Digest
	users  int                // guarded by code.mu; an entry without users gets none again
	cancel context.CancelFunc // ends the compilation
	done   chan struct{}      // closed when code, err and took are set
	code   *compiled
	err    error

	began    time.Time // to be compiled, or to wait for that; guarded by code.mu
	took     time.Duration
	progress Progress // guarded by code.mu
}

// A use is a right to a module, which may still be compiled.
type use struct {
	code    *code
	entry   *entry
	fresh   bool // it was not there before
	release func()
}

// begin begins to use the module of digest d. If it has to be compiled, load gets
// its bytes; a module is compiled once however many ask for it, and for as long
// as one of them stays. The caller calls release.
func (c *code) begin(ctx context.Context, d artifact.Digest, load func(context.Context) ([]byte, error)) *use {
	e, fresh := c.join(ctx, d, load)
	return &use{c, e, fresh, sync.OnceFunc(func() { c.leave(e) })}
}

// wait returns the module when it is compiled. progress is told of that.
func (u *use) wait(ctx context.Context, progress func(Progress)) (*compiled, error) {
	e := u.entry
	tick := time.NewTicker(progressPace)
	defer tick.Stop()
	for {
		select {
		case <-e.done:
			if u.fresh && e.err == nil {
				progress(u.code.progress(e))
			}
			return e.code, e.err
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
			progress(u.code.progress(e))
		}
	}
}

func (c *code) join(ctx context.Context, d artifact.Digest, load func(context.Context) ([]byte, error)) (_ *entry, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.entries[d]
	if last != nil && last.users > 0 {
		last.users++
		return last, !last.ended()
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // others may wait for it too
	e := &entry{digest: d, users: 1, cancel: cancel, done: make(chan struct{}), began: time.Now()}
	if c.entries == nil {
		c.entries = map[artifact.Digest]*entry{}
		c.slots = make(chan struct{}, modulesAtOnce)
	}
	c.entries[d] = e
	c.running.Go(func() {
		defer close(e.done)
		if last != nil {
			<-last.done // cancelled, so soon
		}
		e.code, e.err = c.make(ctx, e, load)
		e.took = time.Since(e.began)
	})
	return e, true
}

func (e *entry) ended() bool {
	select {
	case <-e.done:
		return true
	default:
		return false
	}
}

// modulesAtOnce is how many modules are in memory at once to be compiled. It is
// more than can be under way, since some are only loaded from the cache.
const modulesAtOnce = 2 * compileWorkers

// make reads and compiles a module. Those that wait for their turn are not in
// memory yet.
func (c *code) make(ctx context.Context, e *entry, load func(context.Context) ([]byte, error)) (*compiled, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return guarded(func() (*compiled, error) {
		c.mu.Lock()
		e.began = time.Now()
		c.mu.Unlock()
		wasm, err := load(ctx)
		if err != nil {
			return nil, err
		}
		return c.compile(ctx, e.digest, wasm, func(p component.Progress) {
			c.mu.Lock()
			defer c.mu.Unlock()
			e.progress = Progress{Bytes: len(wasm), Progress: p}
		})
	})
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

// compile compiles a module.
func (h *Host) compile(ctx context.Context, d artifact.Digest, wasm []byte, progress func(component.Progress)) (*compiled, error) {
	began := time.Now()
	c, err := h.compileWasm(ctx, component.Binary{Wasm: wasm, Digest: digestName(d), Progress: progress})
	if err == nil {
		h.log.InfoContext(ctx, "component compiled", "digest", d, "bytes", len(wasm), "took", time.Since(began))
	}
	return c, err
}

func (h *Host) compileWasm(ctx context.Context, b component.Binary) (*compiled, error) {
	outline, err := module.Read(b.Wasm)
	if asComponent(outline, err) {
		c, err := h.components.CompileBinary(ctx, b, h.can.linker)
		if err != nil {
			return nil, h.features.explain(err)
		}
		return &compiled{component: c}, nil
	}
	if err != nil {
		return nil, err
	}
	if limit := h.limits.Memory; limit > 0 && outline.Memory > limit/module.PageSize {
		return nil, &LimitError{
			Limit: "memory of an instance", Value: size(limit), Seen: size(outline.Memory*module.PageSize) + " at its start",
		}
	}
	if missing := h.missing(outline); len(missing) > 0 {
		return &compiled{outline: outline, missing: missing}, nil
	}
	c, err := h.components.CompileCommand(ctx, b, h.can.linker)
	if err != nil {
		return nil, err
	}
	return &compiled{component: c, outline: outline}, nil
}

// missing returns what a command imports and nothing provides.
func (h *Host) missing(o *module.Outline) (names []string) {
	for _, i := range o.Imports {
		if i.Module != wagi.Imports || i.Kind != module.Func || !h.can.preview1.Offers(i.Name) {
			names = append(names, i.String())
		}
	}
	return names
}

// digestName is a digest as the name of a file.
func digestName(d artifact.Digest) string { return strings.ReplaceAll(string(d), ":", "-") }

// guarded gets a module and compiles it. The bytes are a stranger's, so a panic of
// what reads them is an error here.
func guarded(compile func() (*compiled, error)) (c *compiled, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("the compiler gave up: %v", p)
		}
	}()
	return compile()
}
