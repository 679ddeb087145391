package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/files"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/route"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Spec is what a revision runs from.
type Spec struct {
	App       string // name, for logs
	AppID     string
	Revision  int
	Digest    artifact.Digest // of the OCI manifest: /.well-known/spin/info tells it
	Lock      artifact.Lock
	Blobs     Blobs
	Variables map[string]string // over the lock's defaults

	// Output takes a line of guest output: of stream stderr, or host for what the
	// runtime says about a guest. Lines have at most 64 KiB. It is called while a
	// guest waits. Nil drops them.
	Output func(component, request, stream, line string)
}

// Blobs has the content of an app by digest.
type Blobs interface {
	Open(ctx context.Context, d artifact.Digest) (Blob, error)
}

// A Blob is open content. ReadAt may be called by several goroutines at once.
type Blob interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// An App is one revision, ready to answer requests. It is an http.Handler.
type App struct {
	host     *Host
	spec     Spec
	table    *route.Table
	triggers map[string]*trigger // by key of the table
	routes   []Route
	releases []func() // of compiled modules

	slots   chan struct{} // holds one for each guest that runs; nil: no limit
	waiting atomic.Int64  // requests that wait for a slot

	mu     sync.Mutex
	users  int           // guarded by mu; requests
	closed bool          // guarded by mu
	idle   chan struct{} // closed when closed is set and users is 0
}

// A trigger is what answers the requests of a key.
type trigger struct {
	component string // "" for a static response
	executor
}

// An executor answers requests in one of the ways that triggers may ask for.
type executor interface {
	// start shows that a guest can be linked and made.
	start(ctx context.Context) error
	// serve answers q on w. An error says what went wrong with the guest or its
	// reply; if the head was not sent by then, the caller answers.
	serve(ctx context.Context, w http.ResponseWriter, q *request) error
}

// A Route is one trigger route, for people.
type Route struct {
	Component   string
	Pattern     string // as written
	Path        string // without the wildcard at its end
	Wildcard    bool
	Description string
}

// maxWasm is the largest module that is read into memory.
const maxWasm = 512 << 20

// Compile checks a lock and makes an app of it: its routes, its files, the code
// of each component that a trigger leads to. Errors are of the kinds
// store.ErrInvalid and store.ErrLimit, name what is wrong and where, or come from
// Blobs or ctx.
func (h *Host) Compile(ctx context.Context, s Spec) (_ *App, err error) {
	if s.Output == nil {
		s.Output = func(_, _, _, _ string) {}
	}
	a := &App{host: h, spec: s, triggers: map[string]*trigger{}, idle: make(chan struct{})}
	if n := h.limits.Instances; n > 0 {
		a.slots = make(chan struct{}, n)
	}
	defer func() {
		if err != nil {
			a.release()
		}
	}()
	if err := checkLock(&s.Lock, s.Variables); err != nil {
		return nil, invalid(err)
	}
	triggers, err := httpTriggers(&s.Lock)
	if err != nil {
		return nil, invalid(err)
	}
	if err := a.buildTable(ctx, triggers); err != nil {
		return nil, invalid(err)
	}
	for key, t := range lastByKey(triggers) {
		if a.triggers[key], err = a.compile(ctx, t); err != nil {
			return nil, err
		}
	}
	a.listRoutes()
	return a, nil
}

// invalid makes err a store.ErrInvalid unless it has a kind already.
func invalid(err error) error {
	if errors.Is(err, store.ErrLimit) || errors.Is(err, store.ErrInvalid) {
		return err
	}
	return kindError{err, store.ErrInvalid}
}

// A kindError is an error with a kind that its text does not tell.
type kindError struct{ err, kind error }

func (e kindError) Error() string   { return e.err.Error() }
func (e kindError) Unwrap() []error { return []error{e.err, e.kind} }

func (a *App) buildTable(ctx context.Context, triggers []*httpTrigger) error {
	var targets []route.Target
	for _, t := range triggers {
		if !t.private {
			targets = append(targets, route.Target{Pattern: t.pattern, Key: t.key()})
		}
	}
	var err error
	if a.table, err = route.New(targets); err != nil {
		return err
	}
	for _, d := range a.table.Duplicates {
		a.host.log.WarnContext(ctx, "route declared twice", keyApp, a.spec.App, "route", d.Pattern, "unused", d.Replaced, "used", d.By)
	}
	for _, r := range a.table.Routes() {
		if r.Reserved() {
			a.host.log.WarnContext(ctx, "route is reserved and never reached", keyApp, a.spec.App, "route", r.Raw)
		}
	}
	return nil
}

// lastByKey returns the triggers that count: two that name one component share
// the configuration of the last, as in Spin.
func lastByKey(triggers []*httpTrigger) map[string]*httpTrigger {
	last := make(map[string]*httpTrigger, len(triggers))
	for _, t := range triggers {
		last[t.key()] = t
	}
	return last
}

func (a *App) listRoutes() {
	descriptions := map[string]string{}
	for _, c := range a.spec.Lock.Components {
		descriptions[c.ID] = c.Metadata.Description
	}
	for _, r := range a.table.Routes() {
		name := strings.TrimPrefix(r.Key, "trigger ")
		a.routes = append(a.routes, Route{
			Component: name, Pattern: r.Raw, Path: r.Path(), Wildcard: r.Wildcard(), Description: descriptions[r.Key],
		})
	}
}

// compile makes the trigger of t.
func (a *App) compile(ctx context.Context, t *httpTrigger) (*trigger, error) {
	if t.Static != nil {
		return &trigger{executor: newStatic(t.Static)}, nil
	}
	i := slices.IndexFunc(a.spec.Lock.Components, func(c artifact.Component) bool { return c.ID == t.Component })
	if i < 0 {
		return nil, invalid(fmt.Errorf("trigger %q: the app has no component %q", t.id, t.Component))
	}
	c := &a.spec.Lock.Components[i]
	if err := checkComponent(c); err != nil {
		return nil, invalid(err)
	}
	arguments, ok := t.Executor.wagi()
	if !ok {
		return nil, invalid(store.Hint(fmt.Errorf("component %q: its trigger has the http executor, and this host runs only wagi and static responses", c.ID),
			`a preview 1 command runs with executor = { type = "wagi" }`))
	}
	program, err := a.program(ctx, c, arguments)
	if err != nil {
		return nil, err
	}
	return &trigger{component: c.ID, executor: &wagiExecutor{id: c.ID, program: program}}, nil
}

func checkComponent(c *artifact.Component) error {
	if err := checkRequirements(c.HostRequirements); err != nil {
		return fmt.Errorf("component %q: %w", c.ID, err)
	}
	if len(c.Dependencies) > 0 || len(c.TriggerDependencies) > 0 {
		return fmt.Errorf("component %q has dependencies that are not composed into it, which this host cannot do", c.ID)
	}
	for name, value := range c.Environment {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return fmt.Errorf("component %q: environment: %.100q is not a variable", c.ID, name)
		}
	}
	return nil
}

// program compiles c as a WAGI program.
func (a *App) program(ctx context.Context, c *artifact.Component, arguments string) (*wagi.Program, error) {
	compiled, release, err := a.host.code.acquire(ctx, c.Source.Digest, func(ctx context.Context) ([]byte, error) {
		return a.read(ctx, c.Source.Digest)
	})
	switch {
	case errors.Is(err, module.ErrComponent):
		return nil, invalid(fmt.Errorf("component %q: its binary is %w, and the wagi executor of this host runs core modules", c.ID, err))
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, invalid(fmt.Errorf("component %q: compile: %w", c.ID, err))
	}
	a.releases = append(a.releases, release)
	if err := compiled.linkable(c.ID); err != nil {
		return nil, invalid(err)
	}
	p := &wagi.Program{
		Runtime: compiled.engine.runtime, Module: compiled.module,
		Arguments: arguments, Environment: c.Environment, Memory: a.host.limits.Memory,
	}
	if len(c.Files) > 0 {
		if p.Files, err = files.New(ctx, c.Files, a.openFile); err != nil {
			return nil, invalid(fmt.Errorf("component %q: %w", c.ID, err))
		}
	}
	return p, nil
}

func (a *App) openFile(ctx context.Context, d artifact.Digest) (files.Content, error) {
	return a.spec.Blobs.Open(ctx, d)
}

// read returns the bytes of a module.
func (a *App) read(ctx context.Context, d artifact.Digest) ([]byte, error) {
	b, err := a.spec.Blobs.Open(ctx, d)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if n := b.Size(); n > maxWasm {
		return nil, &LimitError{Limit: "wasm file", Value: size(int64(maxWasm)), Seen: size(n)}
	}
	wasm := make([]byte, b.Size())
	_, err = io.ReadFull(b, wasm)
	return wasm, err
}

// linkable checks that everything which the module imports is there, and that it
// can be run.
func (c *compiled) linkable(id string) error {
	var missing []string
	for _, i := range c.outline.Imports {
		if i.Module != wagi.Imports || i.Kind != module.Func || c.engine.offered[i.Name] == nil {
			missing = append(missing, i.String())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("component %q imports %s, which nothing here provides", id, list(missing))
	}
	if kind, ok := c.outline.Exports[wagi.Entry]; !ok || kind != module.Func {
		return fmt.Errorf("component %q: the wagi executor runs a command, which exports the function %s; this module does not", id, wagi.Entry)
	}
	return nil
}

// list prints names, the first few of many.
func list(names []string) string {
	const most = 20
	if len(names) > most {
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

// Start links and instantiates each component that a trigger leads to once,
// without running it.
func (a *App) Start(ctx context.Context) error {
	if !a.enter() {
		return errClosed
	}
	defer a.leave()
	for _, t := range a.triggers {
		ctx, cancel := a.host.deadline(ctx)
		err := t.start(ctx)
		cancel()
		if err != nil {
			return invalid(err)
		}
	}
	return nil
}

// Routes returns the routes of the app in the order in which they are tried.
func (a *App) Routes() []Route { return slices.Clone(a.routes) }

var errClosed = errors.New("the revision is closed")

// Close waits for the app's requests and frees its code. If ctx ends first, the
// code is freed by the last request.
func (a *App) Close(ctx context.Context) error {
	a.mu.Lock()
	first := !a.closed
	a.closed = true
	if first && a.users == 0 {
		a.release()
		close(a.idle)
	}
	a.mu.Unlock()
	select {
	case <-a.idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *App) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.users++
	return true
}

func (a *App) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users--; a.users == 0 && a.closed {
		a.release()
		close(a.idle)
	}
}

func (a *App) release() {
	for _, release := range a.releases {
		release()
	}
	a.releases = nil
}
