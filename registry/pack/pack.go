// Package pack makes the directory of a Spin app into the artifact that
// "spin registry push" would make of it: lock, image config, layers, manifest.
//
// Everything that is wrong with a manifest is told at once, each with its line
// and column. Layers are read from their files when they are asked for, and a
// reader ends in an error if a file is no longer what was hashed: what is pushed
// is what the lock says, or nothing. Nothing outside the directory of the app is
// read but the wasm binaries that the manifest names.
package pack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// Options say how to package an app. The zero value is fine.
type Options struct {
	Profile     string            // of the manifest; "" for none
	MaxAppBytes int64             // sum of the distinct layers; 0 for no limit
	Cloud       bool              // refuse what the cloud has not: SQLite, labels but "default"
	Archive     bool              // one archive for the files of a component, however few
	Created     time.Time         // annotated; the zero time means now
	Annotations map[string]string // more of them, or other values
	CacheDir    string            // of downloaded sources; "" for the user's cache
	Client      *http.Client      // for downloads; nil for the default one

	PackageConfig string // wasm-pkg configuration; "" for the user's

	// Runnable refuses a component that the host cannot run, by what it needs. It
	// is asked once for each triggered component and executor. Nil accepts all.
	Runnable func(Binary) error

	// Compose returns the binary of a component with its dependencies inside, for
	// hosts that do not compose. Nil leaves them beside each other.
	Compose func(Binary) ([]byte, error)
}

// A Binary is a component that is to run.
type Binary struct {
	Component string
	Executor  artifact.Executor
	Path      string // of a file with the binary, which begins as wasm does

	Dependencies []BinaryDependency
	Middleware   []BinaryDependency // the outermost first
}

// A BinaryDependency is a component that another one has inside when it runs.
type BinaryDependency struct {
	Name, Export string
	Inherit      json.RawMessage // as in the lock
	Path         string
}

// An App is an artifact that is ready to be pushed.
type App struct {
	Name, Version string
	Lock          artifact.Lock
	Manifest      []byte
	Digest        artifact.Digest // of Manifest
	Config        []byte
	Layers        []Layer // distinct; the last one is the lock
	Size          int64   // of the layers
	Routes        []Route // that are not private
	Variables     []string
	Required      []string // variables that have no default
	Warnings      []string
}

// A Layer is one blob of an artifact.
type Layer struct {
	artifact.Descriptor

	open func() (io.ReadCloser, error)
}

// Open returns a reader of the layer's bytes. If they are no longer those of the
// descriptor, reading ends in an error.
func (l Layer) Open() (io.ReadCloser, error) { return l.open() }

// A Route is a trigger route as people are told of it.
type Route struct {
	Component   string // or the trigger's id, if its response is static
	Path        string // "/" or without a slash at its end
	Wildcard    bool
	Description string // of the component
}

// Dir packages the app whose manifest is at path, a file or its directory.
//
// Errors are of kind store.ErrInvalid (among them Problems), store.ErrLimit for
// an app that is too large, and store.ErrConflict for a file that changes
// meanwhile.
func Dir(ctx context.Context, path string, options Options) (*App, error) {
	m, err := readAll(path)
	if err != nil {
		return nil, err
	}
	if m, err = m.WithProfile(options.Profile); err != nil {
		return nil, err
	}
	root, err := newAppRoot(m.Root)
	if err != nil {
		return nil, err
	}
	p := &packer{manifest: m, report: m.report, root: root, options: options, contents: make(map[string]*content)}
	return p.pack(ctx)
}

// A packer packages one app.
type packer struct {
	manifest *Manifest
	report   *report
	root     *appRoot
	options  Options
	contents map[string]*content // by where they are

	middleware map[string][]packedDependency // by trigger

	damaged bool // the manifest: only what it surely says is looked at
}

func (p *packer) pack(ctx context.Context) (*App, error) {
	if p.damaged = len(p.report.problems) > 0; !p.damaged {
		p.checkSupported()
	}
	components := p.gather(ctx)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if err := errors.Join(p.report.err(), p.checkStat()); err != nil {
		return nil, err
	}
	if err := p.hash(ctx); err != nil {
		return nil, err
	}
	lock, err := p.manifest.lock(components, p.middleware)
	if err != nil {
		return nil, err
	}
	layers, err := p.layers(ctx, components)
	if err != nil {
		return nil, err
	}
	return p.assemble(lock, layers)
}

// gather finds the parts of all components.
func (p *packer) gather(ctx context.Context) []packed {
	var all []packed
	for i := range p.manifest.Components {
		c := &p.manifest.Components[i]
		part := packed{
			Component: c, source: p.source(ctx, c), assets: p.assets(c),
			dependencies: p.dependencies(ctx, c.Dependencies, c.ID),
		}
		for _, a := range part.assets {
			if a.content.owner == "" {
				a.content.owner = c.ID
			}
		}
		all = append(all, part)
	}
	p.middleware = make(map[string][]packedDependency)
	for _, t := range p.manifest.Triggers {
		if len(t.middleware) > 0 {
			p.middleware[t.ID] = p.dependencies(ctx, t.middleware, fmt.Sprintf("trigger %q", t.ID))
		}
	}
	for _, c := range all {
		if !p.damaged && c.source != nil && len(c.dependencies) == len(c.Dependencies) {
			p.checkRunnable(c)
		}
	}
	if p.options.Compose != nil && len(p.report.problems) == 0 {
		for i := range all {
			p.compose(&all[i])
		}
	}
	return all
}

// compose puts the dependencies of c into its binary.
func (p *packer) compose(c *packed) {
	for _, t := range p.manifest.Triggers {
		if t.Component == c.ID && len(t.middleware) > 0 {
			p.report.errorf(t.offset, "trigger %q: middleware cannot be composed here", t.ID)
			return
		}
	}
	if len(c.dependencies) == 0 {
		return
	}
	b, err := c.binary(artifact.Executor{}, nil)
	if err != nil {
		p.report.errorf(c.Source.offset, "component %q: %v", c.ID, err)
		return
	}
	wasm, err := p.options.Compose(b)
	if err != nil {
		p.report.errorf(c.Source.offset, "component %q: %v", c.ID, err)
		return
	}
	c.dependencies = nil
	c.source = &content{
		name: c.Source.String() + " and its dependencies", owner: c.ID, media: artifact.WasmType, size: int64(len(wasm)),
		file: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(wasm)), nil },
	}
	p.contents["composed:"+c.ID] = c.source
}

// binary returns what there is to run of a component, with the middleware of a
// trigger.
func (c packed) binary(e artifact.Executor, middleware []packedDependency) (Binary, error) {
	b := Binary{Component: c.ID, Executor: e, Path: c.source.path}
	for _, d := range c.dependencies {
		inherit, err := d.inherit.json()
		if err != nil {
			return b, err
		}
		b.Dependencies = append(b.Dependencies, BinaryDependency{Name: d.Name, Export: d.Export, Inherit: inherit, Path: d.content.path})
	}
	for _, d := range middleware {
		inherit, err := d.inherit.json()
		if err != nil {
			return b, err
		}
		b.Middleware = append(b.Middleware, BinaryDependency{Inherit: inherit, Path: d.content.path})
	}
	return b, nil
}

func (p *packer) checkRunnable(c packed) {
	if p.options.Runnable == nil {
		return
	}
	asked := make(map[artifact.Executor]bool)
	for _, t := range p.manifest.Triggers {
		middleware := p.middleware[t.ID]
		if t.HTTP == nil || t.Component != c.ID || asked[t.HTTP.Executor] && middleware == nil || len(middleware) < len(t.middleware) {
			continue
		}
		asked[t.HTTP.Executor] = true
		b, err := c.binary(t.HTTP.Executor, middleware)
		if err == nil {
			err = p.options.Runnable(b)
		}
		if err != nil {
			p.report.errorf(c.Source.offset, "component %q: %v", c.ID, err)
		}
	}
}

func (p *packer) hash(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range p.contents {
		g.Go(func() error { return c.hash(ctx) })
	}
	return g.Wait()
}

// layers returns the distinct layers but for the lock, in the order of the
// components: binary, then files, or the archive of all files if there would be
// too many.
func (p *packer) layers(ctx context.Context, components []packed) ([]Layer, error) {
	var list []Layer
	seen := make(map[artifact.Descriptor]bool)
	add := func(l Layer) {
		if !seen[l.Descriptor] {
			seen[l.Descriptor] = true
			list = append(list, l)
		}
	}
	binaries := func(c packed) {
		add(Layer{c.source.descriptor(), c.source.open})
		for _, d := range c.dependencies {
			add(Layer{d.content.descriptor(), d.content.open})
		}
		for _, t := range p.manifest.Triggers {
			if t.Component != c.ID {
				continue
			}
			for _, d := range p.middleware[t.ID] {
				add(Layer{d.content.descriptor(), d.content.open})
			}
		}
	}
	for _, c := range components {
		binaries(c)
		for _, a := range c.assets {
			if a.content.inline == nil && !p.options.Archive {
				add(Layer{a.content.descriptor(), a.content.open})
			}
		}
	}
	if len(list) < artifact.MaxLayers && !p.options.Archive {
		return list, nil
	}
	clear(seen)
	list = nil
	for _, c := range components {
		binaries(c)
		if len(c.assets) == 0 {
			continue
		}
		l, err := archive(ctx, c.assets, p.options.MaxAppBytes)
		if err != nil {
			return nil, err
		}
		add(l)
	}
	return list, nil
}

// lockLayer returns the lock as the layer that comes last. What a host would not
// take, such as too many files, is an error here.
func lockLayer(lock artifact.Lock) (Layer, error) {
	raw, err := lock.JSON()
	if err != nil {
		return Layer{}, err
	}
	if len(raw) > artifact.MaxLockSize {
		return Layer{}, fmt.Errorf("the lock of the app has %d bytes, which is %w of %d", len(raw), store.ErrLimit, artifact.MaxLockSize)
	}
	if _, err := artifact.ParseLock(raw); err != nil {
		return Layer{}, fmt.Errorf("%w: no host takes this app: %w", store.ErrInvalid, err)
	}
	return Layer{
		artifact.Descriptor{MediaType: artifact.LockType, Digest: artifact.SHA256(raw), Size: int64(len(raw))},
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
	}, nil
}

// assemble puts the lock behind the layers and writes config and manifest.
func (p *packer) assemble(lock artifact.Lock, layers []Layer) (*App, error) {
	last, err := lockLayer(lock)
	if err != nil {
		return nil, err
	}
	layers = append(layers, last)
	config, err := imageConfig(last.Digest)
	if err != nil {
		return nil, err
	}
	created := p.options.Created
	if created.IsZero() {
		created = time.Now()
	}
	m := artifact.Manifest{
		SchemaVersion: 2,
		Config:        artifact.Descriptor{MediaType: artifact.ConfigType, Digest: artifact.SHA256(config), Size: int64(len(config))},
		Annotations:   annotations(lock.Metadata, created, p.options.Annotations),
	}
	for _, l := range layers {
		m.Layers = append(m.Layers, l.Descriptor)
	}
	if err := p.checkLayers(m); err != nil {
		return nil, err
	}
	manifest, err := m.JSON()
	if err != nil {
		return nil, err
	}
	app := &App{
		Name: lock.Metadata.Name, Version: lock.Metadata.Version,
		Lock: lock, Config: config, Layers: layers, Size: m.Size(),
		Manifest: manifest, Digest: artifact.SHA256(manifest),
		Routes: p.manifest.Routes(), Warnings: p.report.warned(),
	}
	for _, v := range p.manifest.Variables {
		app.Variables = append(app.Variables, v.Name)
		if v.Default == nil {
			app.Required = append(app.Required, v.Name)
		}
	}
	return app, nil
}

// Routes returns the routes of the http triggers that are not private.
func (m *Manifest) Routes() []Route {
	var all []Route
	for _, t := range m.Triggers {
		if t.HTTP == nil || t.HTTP.Private {
			continue
		}
		route := Route{Component: t.ID}
		if c := m.Component(t.Component); c != nil {
			route.Component, route.Description = c.ID, c.Description
		}
		route.Path, route.Wildcard = strings.CutSuffix(artifact.SanitizeRoute(t.HTTP.Route), "/...")
		if !route.Wildcard {
			route.Path, route.Wildcard = strings.CutSuffix(route.Path, "/*")
		}
		if route.Path == "" {
			route.Path = "/"
		}
		all = append(all, route)
	}
	return all
}
