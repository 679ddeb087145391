package runtime

import (
	"fmt"
	"io"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/spin/keyvalue"
	"github.com/neutrino-local/neutrino-local/runtime/spin/legacy"
	"github.com/neutrino-local/neutrino-local/runtime/spin/mqtt"
	"github.com/neutrino-local/neutrino-local/runtime/spin/mysql"
	"github.com/neutrino-local/neutrino-local/runtime/spin/outbound"
	"github.com/neutrino-local/neutrino-local/runtime/spin/postgres"
	"github.com/neutrino-local/neutrino-local/runtime/spin/redis"
	"github.com/neutrino-local/neutrino-local/runtime/spin/sqlite"
	"github.com/neutrino-local/neutrino-local/runtime/spin/variables"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
	"github.com/neutrino-local/neutrino-local/store"
)

// capabilities are what components may import, linked once for a Host. What one
// component may do with it, its grants say.
type capabilities struct {
	linker    *component.Linker
	wasi      *wasi.Host
	http      *wasihttp.Host
	preview1  *wagi.Preview1 // nil: nothing is run
	variables *variables.Host
	keyvalue  *keyvalue.Host
	outbound  *outbound.Host
	redis     *redis.Host
	postgres  *postgres.Host
	mysql     *mysql.Host
	mqtt      *mqtt.Host
	sqlite    *sqlite.Host // nil: none
}

// newCapabilities links all hosts whose interfaces the features have.
func newCapabilities(f Features) capabilities {
	l := component.NewLinker()
	c := capabilities{linker: l}
	c.wasi = wasi.Link(l)
	c.http = wasihttp.Link(l, c.wasi)
	c.variables = variables.Link(l)
	c.keyvalue = keyvalue.Link(l, f.KeyValueAtomics)
	c.outbound = outbound.Link(l)
	c.redis = redis.Link(l)
	c.postgres = postgres.Link(l)
	c.mysql = mysql.Link(l)
	c.mqtt = mqtt.Link(l)
	legacy.Link(l)
	if f.SQLite {
		c.sqlite = sqlite.Link(l)
	}
	return c
}

// A grant gives an instance what its component may use of one host's interfaces.
// It is called for every instance, after the state of wasi.Host is set; what it
// sets must be fresh each time. log writes a line of ours into the guest's stderr,
// and may be called by the guest's goroutine only.
type grant func(in *component.Instance, log func(line string))

// grants are those of a component: of WASI, which instances get before guest code
// runs, and of Spin, which they get when it first asks for something of them.
// Instances without any can link all and use nothing.
type grants struct{ wasi, spin []grant }

// grants returns the grants of a component of a. What its manifest asks for and
// this host cannot give is an error.
func (a *App) grants(c *artifact.Component) (grants, error) {
	if err := a.host.features.check(c); err != nil {
		return grants{}, err
	}
	g := grants{wasi: []grant{a.grantHTTP(c), a.grantSockets(c)}}
	for _, of := range []func(*artifact.Component) (grant, error){a.grantVariables, a.grantKeyValue, a.grantSQLite} {
		one, err := of(c)
		if err != nil {
			return grants{}, fmt.Errorf("component %q: %w", c.ID, err)
		}
		g.spin = append(g.spin, one)
	}
	g.spin = append(g.spin, a.grantOutbound(c), a.grantRedis(c), a.grantPostgres(c), a.grantMySQL(c), a.grantMQTT(c))
	return g, nil
}

// logTo returns what a grant writes lines with that are not part of what the
// guest writes, to wherever that goes at the moment.
func logTo(stderr io.Writer) func(line string) {
	return func(line string) {
		w := stderr
		if v, ok := w.(*valve); ok && v.to != nil {
			w = v.to
		}
		if w, ok := w.(*lineWriter); ok {
			w.emit(line)
			return
		}
		fmt.Fprintln(w, line)
	}
}

// bindVariables gives the app's variables their values: those of its revision,
// then the host's environment, then the defaults.
func (a *App) bindVariables() error {
	sources := []variables.Source{variables.Values(a.spec.Variables)}
	if a.host.environ != nil {
		sources = append(sources, variables.Environment(a.host.environ))
	}
	a.variables = variables.New(a.spec.Lock.Variables, sources...)
	return a.variables.Require()
}

func (a *App) grantVariables(c *artifact.Component) (grant, error) {
	own, err := a.variables.Component(c.ID, c.Variables)
	if err != nil {
		return nil, err
	}
	return func(in *component.Instance, _ func(string)) {
		a.host.can.variables.Set(in, own)
	}, nil
}

// grantKeyValue gives a component the stores that it lists. A host without any
// knows none of them.
func (a *App) grantKeyValue(c *artifact.Component) (grant, error) {
	labels := c.Metadata.KeyValueStores
	if len(labels) > 0 && a.host.keyValue == nil {
		return nil, fmt.Errorf("unknown key_value_stores label %q: this host has no key-value stores", labels[0])
	}
	return func(in *component.Instance, log func(string)) {
		s := &keyvalue.State{Labels: labels, Log: log}
		if len(labels) > 0 {
			s.App = a.host.keyValue.App(store.AppID(a.spec.AppID))
		}
		a.host.can.keyvalue.Set(in, s)
	}, nil
}

// grantSQLite gives a component the databases that it lists.
func (a *App) grantSQLite(c *artifact.Component) (grant, error) {
	host, labels := a.host.can.sqlite, c.Metadata.Databases
	switch {
	case host == nil: // and features.check has refused all labels
		return func(*component.Instance, func(string)) {}, nil
	case len(labels) > 0 && a.host.sqlite == nil:
		return nil, fmt.Errorf("unknown sqlite_databases label %q: this host has no SQLite databases", labels[0])
	}
	return func(in *component.Instance, _ func(string)) {
		host.Set(in, &sqlite.State{Store: a.host.sqlite, App: a.spec.AppID, Labels: labels})
	}, nil
}
