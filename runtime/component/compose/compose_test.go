package compose_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/compose"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// host offers what the probe imports, and returns a request of its own.
func host() (*component.Linker, abi.Value) {
	l := component.NewLinker()
	for _, name := range []string{
		"wasi:cli/environment@0.2 get-environment", "wasi:cli/environment@0.2 initial-cwd", "spin:variables/variables@3 get",
		"fermyon:spin/config get-config", "fermyon:spin/redis incr", "wasi:keyvalue/store@0.2.0-draft2 open",
		"wasi:keyvalue/store@0.2.0-draft2 [method]bucket.exists", "wasi:keyvalue/atomics@0.2.0-draft2 increment",
		"wasi:http/types@0.2 [constructor]outgoing-request", "wasi:http/outgoing-handler@0.2 handle",
		"spin:postgres/postgres@4 [constructor]connection-builder", "spin:postgres/postgres@4 [method]connection-builder.build",
	} {
		iface, fn, _ := strings.Cut(name, " ")
		l.Func(iface, fn, nil) // a test that calls one through to the host is told so
	}
	component.NewResource[int](l, "wasi:keyvalue/store@0.2.0-draft2", "bucket", nil)
	component.NewResource[int](l, "wasi:http/types@0.2", "future-incoming-response", nil)
	component.NewResource[int](l, "spin:postgres/postgres@4", "connection-builder", nil)
	return l, component.NewResource[int](l, "wasi:http/types@0.2", "outgoing-request", nil).Own(1)
}

// show returns v in few words.
func show(v abi.Value) string {
	switch v.Kind() {
	case types.String:
		return v.Text()
	case types.List, types.Tuple:
		var parts []string
		for _, p := range v.Values() {
			parts = append(parts, show(p))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case types.Variant:
		return fmt.Sprintf("%d(%s)", v.Case(), show(v.Payload()))
	case types.S64:
		return fmt.Sprint(v.S64())
	}
	return ""
}

// ask calls functions of the composed app and returns what they say.
func ask(t *testing.T, wasm []byte) map[string]string {
	t.Helper()
	ctx := t.Context()
	engine, err := component.NewEngine(ctx, component.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.WithoutCancel(ctx))
	linker, request := host()
	c, err := engine.Compile(ctx, wasm, linker)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Instantiate(ctx, component.InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(ctx)
	said := map[string]string{}
	call := func(name string, args ...abi.Value) {
		iface, fn, _ := strings.Cut(name, " ")
		f, ok := c.Func("out:app/"+iface, fn)
		if !ok {
			t.Fatalf("there is no %s", name)
		}
		v, err := in.Call(ctx, f, args...)
		switch {
		case err == nil:
			said[name] = show(v)
		case strings.Contains(err.Error(), "the host's own function"):
			said[name] = "host"
		default:
			t.Fatalf("%s: %v", name, err)
		}
	}
	call("own get-environment")
	call("environment get-environment")
	call("environment initial-cwd")
	call("variables get", abi.String("password"))
	call("variables get", abi.String(strings.Repeat("x", 200_000))) // more than the memory it begins with
	call("variables get", abi.String("password"))
	call("config get-config", abi.String("key"))
	call("redis incr", abi.String("redis://localhost"))
	call("store open", abi.String("default"))
	call("handler handle", request, abi.None())
	return said
}

func TestInherit(t *testing.T) {
	app, probe := file(t, "testdata/app.wasm"), file(t, "testdata/probe.wasm")
	denied := map[string]string{
		"environment get-environment": "[]", "environment initial-cwd": "0()",
		"variables get":     "1(1(password))",
		"config get-config": `1(2("fermyon:spin/config" is not permitted))`,
		"redis incr":        "1(1())",
		"store open":        "1(1())",
		"handler handle":    `1(1(1("wasi:http/outgoing-handler" is not permitted)))`,
	}
	tests := []struct {
		name    string
		inherit compose.Inherit
		denied  []string
	}{
		{"all", compose.Inherit{All: true}, nil},
		{"none", compose.Inherit{}, []string{"environment get-environment", "environment initial-cwd", "variables get", "config get-config",
			"redis incr", "store open", "handler handle"}},
		{"some", compose.Inherit{Sets: []string{"environment", "key_value_stores", "something"}},
			[]string{"variables get", "config get-config", "redis incr", "handler handle"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wasm, err := compose.Compose(app, []compose.Dependency{{Name: "probe:probe", Wasm: probe, Inherit: tt.inherit}})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"own get-environment": "host"}
			for name := range denied {
				want[name] = "host"
			}
			for _, name := range tt.denied {
				want[name] = denied[name]
			}
			if diff := cmp.Diff(want, ask(t, wasm)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A resource that a denied interface makes is one that its methods take.
func TestDeniedResource(t *testing.T) {
	wasm, err := compose.Compose(file(t, "testdata/app.wasm"), []compose.Dependency{{Name: "probe:probe", Wasm: file(t, "testdata/probe.wasm")}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	engine, err := component.NewEngine(ctx, component.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.WithoutCancel(ctx))
	linker, _ := host()
	c, err := engine.Compile(ctx, wasm, linker)
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.Instantiate(ctx, component.InstanceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close(ctx)
	build, _ := c.Func("out:app/postgres", "[constructor]connection-builder")
	b, err := in.Call(ctx, build, abi.String("postgres://localhost"))
	if err != nil {
		t.Fatal(err)
	}
	connect, _ := c.Func("out:app/postgres", "[method]connection-builder.build")
	v, err := in.Call(ctx, connect, abi.Borrow(b.Resource()))
	if err != nil || show(v) != `1(1("spin:postgres/postgres" is not permitted))` {
		t.Errorf("build = %s, %v", show(v), err)
	}
}

// Imports of one track become one, of the newest version; what is denied is not
// imported.
func TestImports(t *testing.T) {
	app, probe := file(t, "testdata/app.wasm"), file(t, "testdata/probe.wasm")
	imports := func(in compose.Inherit) []string {
		wasm, err := compose.Compose(app, []compose.Dependency{{Name: "probe:probe@1.0.0", Wasm: probe, Inherit: in}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := component.Describe(wasm)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, i := range d.Imports {
			names = append(names, i.Name)
		}
		return names
	}
	want := []string{"wasi:http/types@0.2.6", "wasi:cli/environment@0.2.3"}
	if diff := cmp.Diff(want, imports(compose.Inherit{})); diff != "" {
		t.Errorf("nothing is inherited (-want +got):\n%s", diff)
	}
	want = []string{
		"wasi:cli/environment@0.2.6", "spin:variables/variables@3.0.0", "fermyon:spin/config", "fermyon:spin/redis",
		"wasi:keyvalue/store@0.2.0-draft2", "wasi:keyvalue/atomics@0.2.0-draft2", "wasi:http/types@0.2.6",
		"wasi:http/outgoing-handler@0.2.6", "spin:postgres/postgres@4.2.0",
	}
	if diff := cmp.Diff(want, imports(compose.Inherit{All: true})); diff != "" {
		t.Errorf("all is inherited (-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	app, probe := file(t, "testdata/app.wasm"), file(t, "testdata/probe.wasm")
	module := []byte("\x00asm\x01\x00\x00\x00")
	tests := []struct {
		name string
		main []byte
		deps []compose.Dependency
		want string
	}{
		{"main is a module", module, nil, "its binary is a core module"},
		{"dependency is a module", app, []compose.Dependency{{Name: "probe:probe", Wasm: module}}, `dependency "probe:probe": its binary is a core module`},
		{"not wasm", app, []compose.Dependency{{Name: "probe:probe"}}, `dependency "probe:probe": not a WebAssembly component`},
		{"matches nothing", app, []compose.Dependency{{Name: "probe:other", Wasm: probe}}, "dependency 'probe:other' doesn't match any imports of the component"},
		{"another version", app, []compose.Dependency{{Name: "probe:probe@2.0.0", Wasm: probe}}, "doesn't match any imports"},
		{"a plain name", app, []compose.Dependency{{Name: "probe", Wasm: probe}}, "doesn't match any imports"},
		{"twice", app, []compose.Dependency{{Name: "probe:probe", Wasm: probe}, {Name: "probe:probe/redis", Wasm: probe}},
			"import 'probe:probe/redis@1.0.0' satisfied by dependencies: 'probe:probe, probe:probe/redis'"},
		{"no such export", app, []compose.Dependency{{Name: "probe:probe/redis", Export: "probe:probe/no", Wasm: probe}},
			"dependency 'probe:probe/redis' doesn't export 'probe:probe/no' to satisfy import 'probe:probe/redis@1.0.0'; it exports probe:probe/environment@1.0.0, "},
		{"of another type", app, []compose.Dependency{{Name: "probe:probe/redis", Export: "probe:probe/config@1.0.0", Wasm: probe}},
			"they do not fit together: "},
		// The types of one are the handler's of the other: both must come from one place.
		{"half of what belongs together", app, []compose.Dependency{{Name: "probe:probe/types", Wasm: probe}},
			"which a dependency supplies and no host can"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := compose.Compose(tt.main, tt.deps)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Compose = %v, want %q in it", err, tt.want)
			}
		})
	}
}

func TestParseInherit(t *testing.T) {
	tests := []struct {
		raw, want string
	}{
		{``, `{false []}`}, {`null`, `{false []}`}, {`"All"`, `{true []}`}, {`{"Some":["files","x"]}`, `{false [files x]}`}, {`{"Some":[]}`, `{false []}`},
		{`"Some"`, "error"}, {`{}`, "error"}, {`7`, "error"}, {`{"Some":"files"}`, "error"},
	}
	for _, tt := range tests {
		in, err := compose.ParseInherit([]byte(tt.raw))
		got := fmt.Sprint(in)
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("ParseInherit(%s) = %s, %v, want %s", tt.raw, got, err, tt.want)
		}
	}
}

// FuzzCompose: whatever the dependency, Compose ends in a valid component or an
// error.
func FuzzCompose(f *testing.F) {
	app := file(f, "testdata/app.wasm")
	f.Add(file(f, "testdata/probe.wasm"), "probe:probe")
	f.Add(app, "probe:probe/redis")
	f.Fuzz(func(t *testing.T, dependency []byte, name string) {
		for _, in := range []compose.Inherit{{}, {All: true}} {
			_, _ = compose.Compose(app, []compose.Dependency{{Name: name, Wasm: dependency, Inherit: in}})
			_, _ = compose.Compose(dependency, []compose.Dependency{{Name: name, Wasm: app, Inherit: in}})
		}
	})
}

func BenchmarkCompose(b *testing.B) {
	app, probe := file(b, "testdata/app.wasm"), file(b, "testdata/probe.wasm")
	for b.Loop() {
		if _, err := compose.Compose(app, []compose.Dependency{{Name: "probe:probe", Wasm: probe}}); err != nil {
			b.Fatal(err)
		}
	}
}

// A dependency that asks for much by little: types of any size in what it may not
// have, and itself many times.
func TestHostile(t *testing.T) {
	app, large := file(t, "testdata/app.wasm"), file(t, "testdata/large.wasm")
	_, err := compose.Compose(app, []compose.Dependency{{Name: "probe:probe/redis", Wasm: large}})
	if want := "what stands for it has more than 1048576 bytes"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Compose = %v, want %q in it", err, want)
	}
	_, err = compose.Compose(app, make([]compose.Dependency, 1000))
	if want := "1000 dependencies, the limit is 50"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Compose = %v, want %q in it", err, want)
	}
}

// A dependency under several names is in the result once.
func TestDependencyTwice(t *testing.T) {
	app, probe := file(t, "testdata/app.wasm"), file(t, "testdata/probe.wasm")
	var parts []compose.Dependency
	for _, item := range []string{"redis", "environment", "variables", "config", "store", "postgres"} {
		parts = append(parts, compose.Dependency{Name: "probe:probe/" + item, Wasm: probe})
	}
	wasm, err := compose.Compose(app, parts)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(wasm, probe); n != 1 {
		t.Errorf("it is there %d times", n)
	}
}

// What other tools say of the result: hosts that do not compose get it from "push
// --compose".
func TestOtherValidator(t *testing.T) {
	if _, err := exec.LookPath("wasm-tools"); err != nil || os.Getenv("NEUTRINO_TEST_FULL") != "1" {
		t.Skip("needs NEUTRINO_TEST_FULL=1 and wasm-tools on PATH (cargo install wasm-tools)")
	}
	app, probe := file(t, "testdata/app.wasm"), file(t, "testdata/probe.wasm")
	for _, in := range []compose.Inherit{{}, {All: true}, {Sets: []string{"variables", "key_value_stores"}}} {
		wasm, err := compose.Compose(app, []compose.Dependency{{Name: "probe:probe", Wasm: probe, Inherit: in}})
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "wasm-tools", "validate", "-")
		cmd.Stdin = bytes.NewReader(wasm)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%+v: %v\n%s", in, err, out)
		}
	}
}
