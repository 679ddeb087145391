package runtime

import (
	"bytes"
	_ "embed"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// coreHTTP is a core module with a component-type section that imports preview 1
// too, see testdata/core-http/guest.c.
//
//go:embed testdata/core-http/core-http.wasm
var coreHTTP []byte

// TestCoreModule runs a core module of an older SDK as an HTTP trigger: it has
// the environment, the files and the output that a component has.
func TestCoreModule(t *testing.T) {
	checkGoroutines(t)
	if err := Check(Features{}, "http", coreHTTP); err != nil {
		t.Error(err)
	}
	page := artifact.Inline("a page")
	v := serve(t, newHost(t, akamai), componentSpec(coreHTTP, func(c *artifact.Component) {
		c.Environment = map[string]string{"WHO": "me"}
		c.Files = []artifact.File{{Path: "dir/page", Inline: &page}}
	}))
	tests := []struct {
		path    string
		status  int
		body    string
		outcome ledger.Outcome
		host    string
	}{
		{"/", 200, "Hello from a core module 1", ledger.OK, ""},
		{"/", 200, "Hello from a core module 1", ledger.OK, ""}, // it is fresh
		{"/env", 200, "WHO=me", ledger.OK, ""},
		{"/read/dir/page", 200, "a page", ledger.OK, ""},
		{"/read/etc/passwd", 200, "No such file or directory", ledger.OK, ""},
		{"/create", 200, "Read-only file system", ledger.OK, ""},
		{"/abort", 500, "", ledger.Trap, "unreachable"},
		{"/exit", 500, "", ledger.Trap, "exit_code(0)"},
	}
	for _, tt := range tests {
		v.lines = nil
		a := v.get(tt.path)
		if o := v.outcome(); a.StatusCode != tt.status || a.body != tt.body || o != tt.outcome {
			t.Errorf("%s: %d %q, outcome %s; want %d %q, %s", tt.path, a.StatusCode, a.body, o, tt.status, tt.body, tt.outcome)
		}
		if host := strings.Join(v.stream(streamHost), "\n"); !strings.Contains(host, tt.host) {
			t.Errorf("%s: host lines %q, want %q", tt.path, host, tt.host)
		}
	}
	v.lines = nil
	v.get("/out")
	v.outcome()
	if out, errs := v.stream(streamStdout), v.stream(streamStderr); len(out) != 1 || out[0] != "to stdout" || len(errs) != 1 || errs[0] != "to stderr" {
		t.Errorf("output %q, %q", out, errs)
	}
}

// TestCoreModuleEnds has calls of preview 1 that would last for ever.
func TestCoreModuleEnds(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = time.Second
	v := serve(t, newHost(t, limits), componentSpec(coreHTTP))
	v.quiet = true
	for _, path := range []string{"/sleep", "/flood"} {
		a := v.get(path)
		if o := v.outcome(); a.StatusCode != 504 || !a.Close || o != ledger.Timeout {
			t.Errorf("%s: %d %q, outcome %s; want 504 and the end of the connection", path, a.StatusCode, a.body, o)
		}
	}
}

func TestCoreModuleMemory(t *testing.T) {
	limits := akamai
	limits.Memory = 128 << 10
	h := newHost(t, limits)
	app, err := h.Compile(t.Context(), componentSpec(coreHTTP))
	if err == nil {
		err = app.Start(t.Context())
		defer app.Close(t.Context())
	}
	if want := "limit 131072 bytes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Start = %v, want %q", err, want)
	}
}

// TestCoreModuleIsChecked has a module whose names do not fit its world.
func TestCoreModuleIsChecked(t *testing.T) {
	wrong := bytes.Replace(coreHTTP, []byte("[constructor]fields"), []byte("[constructor]fiends"), 1)
	want := `import "wasi:http/types@0.2.0" "[constructor]fiends": there is no such function in the module's world`
	if err := Check(Features{}, "http", wrong); err == nil || err.Error() != want {
		t.Errorf("Check = %v, want %s", err, want)
	}
}

// TestWhatIsLinked tells core modules that are linked as components from plain
// commands.
func TestWhatIsLinked(t *testing.T) {
	fn := func(names ...string) map[string]module.Kind {
		m := map[string]module.Kind{}
		for _, n := range names {
			m[n] = module.Func
		}
		return m
	}
	preview1 := module.Import{Module: wagi.Imports, Name: "fd_write"}
	tests := []struct {
		what    string
		outline *module.Outline
		err     error
		want    bool
	}{
		{"a component", nil, module.ErrComponent, true},
		{"garbage", nil, errors.New("no magic"), false},
		{"a command", &module.Outline{Exports: fn("_start"), Imports: []module.Import{preview1}}, nil, false},
		{"a command with a world that it does not use", &module.Outline{World: true, Exports: fn("_start"), Imports: []module.Import{preview1}}, nil, false},
		{"a command with a world", &module.Outline{World: true, Exports: fn("_start"), Imports: []module.Import{preview1, {Module: "wasi:http/types@0.2.0"}}}, nil, true},
		{"a reactor with a world", &module.Outline{World: true, Exports: fn("_initialize")}, nil, true},
		{"a reactor without one", &module.Outline{Exports: fn("_initialize", "handle")}, nil, false},
		{"Spin 1", &module.Outline{Exports: fn("handle-http-request", "canonical_abi_realloc")}, nil, true},
		{"a memory of that name", &module.Outline{Exports: map[string]module.Kind{"handle-http-request": module.Memory}}, nil, false},
	}
	for _, tt := range tests {
		if got := asComponent(tt.outline, tt.err); got != tt.want {
			t.Errorf("asComponent of %s = %t, want %t", tt.what, got, tt.want)
		}
	}
}
