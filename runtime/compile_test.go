package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/store"
)

const wasmHead = "\x00asm\x01\x00\x00\x00"

// command is a module with a _start that does nothing; extra goes before its
// code.
func command(imports, extra string) []byte {
	start := "\x00"
	if imports != "" {
		start = "\x01"
	}
	return []byte(wasmHead + "\x01\x04\x01\x60\x00\x00" + imports + "\x03\x02\x01\x00" + "\x07\x0a\x01\x06_start\x00" + start + extra + "\x0a\x04\x01\x02\x00\x0b")
}

func TestCompileRefusesModules(t *testing.T) {
	h := newHost(t, akamai)
	tests := []struct {
		name string
		wasm []byte
		want string
	}{
		{"empty", nil, `component "web": compile: not WebAssembly: no magic number`},
		{"a component", []byte("\x00asm\x0d\x00\x01\x00"), `component "web": the wagi executor runs a command, which exports wasi:cli/run@0.2`},
		{"no command", []byte(wasmHead), `component "web": the wagi executor runs a command, which exports the function _start; this module does not`},
		{"invalid code", []byte(strings.Replace(string(command("", "")), "\x02\x00\x0b", "\x02\x00\x1a", 1)), `component "web": compile: `},
	}
	for _, tt := range tests {
		_, err := h.Compile(t.Context(), wasmSpec(tt.wasm))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v is not ErrInvalid", tt.name, err)
		}
	}
	imports := "\x02\x41\x04" + "\x03env\x01g\x03\x7f\x00" + "\x03env\x01m\x02\x00\x01" + "\x03env\x01t\x01\x70\x00\x01" +
		"\x16wasi_snapshot_preview1\x0ano_such_fn\x00\x00"
	_, err := h.Compile(t.Context(), wasmSpec(command(imports, "")))
	want := `component "web" imports env.g (global), env.m (memory), env.t (table), wasi_snapshot_preview1.no_such_fn (func), which nothing here provides`
	if err == nil || err.Error() != want {
		t.Errorf("imports of all kinds:\n%v, want\n%s", err, want)
	}
	_, err = h.Compile(t.Context(), guestSpec(t, "sick-mem"))
	if limit, ok := errors.AsType[*LimitError](err); !ok || !errors.Is(err, store.ErrLimit) || limit.Limit == "" {
		t.Errorf("too much memory: %v is not ErrLimit", err)
	}
	if n := h.code.size(); n != 0 {
		h.code.wait()
		if n := h.code.size(); n != 0 {
			t.Errorf("%d modules in memory after failures", n)
		}
	}
}

// TestStartFunctionThatHangs has a module whose start function never ends: it
// runs when the module is instantiated.
func TestStartFunctionThatHangs(t *testing.T) {
	limits := akamai
	limits.Handler = 500 * time.Millisecond
	h := newHost(t, limits)
	loop := []byte(wasmHead + "\x01\x04\x01\x60\x00\x00" + "\x03\x02\x01\x00" + "\x07\x0a\x01\x06_start\x00\x00" + "\x08\x01\x00" + "\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b")
	app, err := h.Compile(t.Context(), wasmSpec(loop))
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close(t.Context())
	if err := app.Start(t.Context()); err == nil || !strings.HasPrefix(err.Error(), `component "web": instantiate: `) {
		t.Errorf("Start = %v", err)
	}
}

func TestCompileRefusesLocks(t *testing.T) {
	h := newHost(t, Limits{})
	static := `{"route":"/","static_response":{}}`
	with := func(change func(*artifact.Lock)) Spec {
		s := triggers(wasmSpec(command("", "")), `{"component":"web","route":"/...","executor":{"type":"wagi"}}`)
		change(&s.Lock)
		return s
	}
	config := func(c string) Spec { return triggers(wasmSpec(command("", "")), c) }
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"version", with(func(l *artifact.Lock) { l.Version = 2 }), "invalid version 2 > 1"},
		{"must understand", with(func(l *artifact.Lock) { l.MustUnderstand = []string{"magic"} }), `must_understand "magic"`},
		{"requirement", with(func(l *artifact.Lock) {
			l.HostRequirements = map[string]string{"z": "required", "a": "required", "b": "optional"}
		}), "features that this host does not have: a, z"},
		{"component requirement", with(func(l *artifact.Lock) { l.Components[0].HostRequirements = map[string]string{"z": "required"} }), `component "web": the app requires`},
		{"dependencies", with(func(l *artifact.Lock) { l.Components[0].Dependencies = map[string]artifact.Dependency{"x": {}} }), `component "web": compile: dependency "x": blob`},
		{"environment", with(func(l *artifact.Lock) { l.Components[0].Environment = map[string]string{"A=B": ""} }), `environment: "A=B"`},
		{"zero byte", with(func(l *artifact.Lock) { l.Components[0].Environment = map[string]string{"A": "\x00"} }), `environment: "A"`},
		{"file path", with(func(l *artifact.Lock) { l.Components[0].Files = []artifact.File{{Path: "../x"}} }), `component "web": file "../x": invalid file mount`},
		{"missing file", with(func(l *artifact.Lock) {
			l.Components[0].Files = []artifact.File{{Path: "x", Digest: artifact.SHA256(nil)}}
		}), `component "web": file "x": blob sha256:`},
		{"missing variable", with(func(l *artifact.Lock) {
			l.Variables = map[string]artifact.Variable{"b": {}, "a": {Secret: true}, "c": {Default: new(string)}}
		}), `no provider resolved required variable(s): [Key("a"), Key("b")]`},
		{"missing component", config(`{"component":"none","route":"/","executor":{"type":"wagi"}}`), `the app has no component "none"`},
		{"missing wasm", with(func(l *artifact.Lock) { l.Components[0].Source.Digest = artifact.SHA256([]byte("?")) }), `component "web": compile: blob sha256:`},
		{"no triggers", triggers(wasmSpec(nil)), "no triggers in app"},
		{"redis", with(func(l *artifact.Lock) { l.Triggers[0].Type = "redis" }), `trigger "t0" is of type "redis"`},
		{"http executor", config(`{"component":"web","route":"/"}`), `component "web": its binary is a core module`},
		{"unknown executor", config(`{"component":"web","route":"/","executor":{"type":"fast"}}`), `unknown executor "fast"`},
		{"entrypoint", config(`{"component":"web","route":"/","executor":{"type":"wagi","entrypoint":"main"}}`), `deprecated entrypoint "main"`},
		{"argv of http", config(`{"component":"web","route":"/","executor":{"type":"http","argv":"x"}}`), "executor http has no argv"},
		{"unknown key", config(`{"component":"web","route":"/","exekutor":{}}`), `unknown field "exekutor"`},
		{"neither", config(`{"route":"/"}`), "it has neither"},
		{"both", config(`{"component":"web","route":"/","static_response":{}}`), "it has both"},
		{"private false", config(`{"component":"web","route":{"private":false}}`), "route must be a string pattern or '{ private = true }'"},
		{"no route", config(`{"component":"web"}`), "route must be a string pattern"},
		{"null route", config(`{"component":"web","route":null}`), "route must be a string pattern"},
		{"bad route", config(`{"component":"web","route":"/*x","executor":{"type":"wagi"}}`), "error parsing route /*x associated with component web"},
		{"bad status", config(`{"route":"/","static_response":{"status_code":101}}`), "status_code 101"},
		{"bad header", config(`{"route":"/","static_response":{"headers":{"a b":"c"}}}`), "not a valid header"},
		{"split header", config(`{"route":"/","static_response":{"headers":{"a":"b\r\nc: d"}}}`), "not a valid header"},
		{"bad config", with(func(l *artifact.Lock) { l.Triggers[0].Config = json.RawMessage(`[]`) }), "cannot unmarshal"},
		{"no config", with(func(l *artifact.Lock) { l.Triggers[0].Config = nil }), "EOF"},
	}
	for _, tt := range tests {
		_, err := h.Compile(t.Context(), tt.spec)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	s := with(func(l *artifact.Lock) { l.Variables = map[string]artifact.Variable{"a": {}} })
	s.Variables = map[string]string{"a": ""}
	app, err := h.Compile(t.Context(), s)
	if err != nil {
		t.Fatalf("a variable with a value: %v", err)
	}
	if err := app.Close(t.Context()); err != nil {
		t.Error(err)
	}
	// A component that no trigger leads to is never loaded.
	s = triggers(wasmSpec([]byte("garbage")), static)
	if app, err = h.Compile(t.Context(), s); err != nil {
		t.Fatalf("an untriggered component: %v", err)
	}
	app.Close(t.Context())
}

// newCode returns code whose compilations last until told.
func newCode(compiling *atomic.Int64, proceed <-chan error) *code {
	return &code{compile: func(ctx context.Context, _ artifact.Digest, _ []byte, _ func(component.Progress)) (*compiled, error) {
		if compiling.Add(1) > 1 {
			panic("one digest is compiled twice at once")
		}
		defer compiling.Add(-1)
		select {
		case err := <-proceed:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// acquire is begin and wait, of one who leaves if that fails.
func (c *code) acquire(ctx context.Context, d artifact.Digest, load func(context.Context) ([]byte, error), progress func(Progress)) (*compiled, func(), error) {
	u := c.begin(ctx, d, load)
	code, err := u.wait(ctx, progress)
	if err != nil {
		u.release()
	}
	return code, u.release, err
}

func unseen(Progress) {}

func noWasm(context.Context) ([]byte, error) { return nil, nil }

// TestCompileFew asks for many modules at once: few of them are read before
// others have been compiled.
func TestCompileFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var read atomic.Int64
		proceed := make(chan error)
		c := &code{compile: func(context.Context, artifact.Digest, []byte, func(component.Progress)) (*compiled, error) {
			return nil, <-proceed
		}}
		failure := errors.New("no good")
		var wg sync.WaitGroup
		for _, d := range []artifact.Digest{"a", "b", "c", "d", "e", "f", "g"} {
			wg.Go(func() {
				_, _, err := c.acquire(t.Context(), d, func(context.Context) ([]byte, error) {
					read.Add(1)
					return nil, nil
				}, unseen)
				if err != failure {
					t.Errorf("acquire %s = %v", d, err)
				}
			})
		}
		for n := int64(modulesAtOnce); n < 7; n++ {
			synctest.Wait()
			if got := read.Load(); got != n {
				t.Errorf("%d modules have been read, want %d", got, n)
			}
			proceed <- failure
		}
		for range modulesAtOnce {
			proceed <- failure
		}
		wg.Wait()
		c.wait()
	})
}

// TestCompileTogether has an app of two components, neither of which is compiled
// before the other one has begun.
func TestCompileTogether(t *testing.T) {
	h := newHost(t, akamai)
	var begun sync.WaitGroup
	begun.Add(2)
	failure := errors.New("both have begun")
	h.code.compile = func(context.Context, artifact.Digest, []byte, func(component.Progress)) (*compiled, error) {
		begun.Done()
		begun.Wait()
		return nil, failure
	}
	s := triggers(wasmSpec([]byte("one")), `{"component":"web","route":"/"}`, `{"component":"api","route":"/api"}`)
	two := s.Lock.Components[0]
	two.ID, two.Source.Digest = "api", s.Blobs.(*blobs).add([]byte("two"))
	s.Lock.Components = append(s.Lock.Components, two)
	if _, err := h.Compile(t.Context(), s); !errors.Is(err, failure) {
		t.Errorf("Compile = %v", err)
	}
}

// TestCompileProgress has a compilation that waits for another one, is read, and
// compiles three modules.
func TestCompileProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &code{compile: func(_ context.Context, d artifact.Digest, _ []byte, progress func(component.Progress)) (*compiled, error) {
			if d != "d" {
				<-time.After(1500 * time.Millisecond)
				return nil, errors.New("no good")
			}
			for n := range 3 {
				progress(component.Progress{Done: n, Modules: 3})
				<-time.After(600 * time.Millisecond)
			}
			progress(component.Progress{Done: 3, Modules: 3})
			return &compiled{}, nil
		}}
		var others sync.WaitGroup
		for _, d := range []artifact.Digest{"a", "b", "c", "e"} {
			others.Go(func() { c.acquire(t.Context(), d, noWasm, unseen) })
		}
		synctest.Wait()
		var got []string
		load := func(context.Context) ([]byte, error) { return make([]byte, 12_300_000), nil }
		for range 2 { // the second finds it
			_, release, err := c.acquire(t.Context(), "d", load, func(p Progress) {
				p.Component = "web"
				got = append(got, p.String())
			})
			if err != nil {
				t.Fatal(err)
			}
			defer release()
		}
		want := []string{
			"web: waits for others to be compiled, 1.0 s so far",
			"web: 12.3 MB, 0 of 3 modules compiled, 500 ms so far",
			"web: 12.3 MB, 2 of 3 modules compiled, 1.5 s so far",
			"web: 12.3 MB compiled in 1.8 s",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		others.Wait()
	})
}

func TestCompileOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var compiling atomic.Int64
		proceed := make(chan error)
		c := newCode(&compiling, proceed)
		var wg sync.WaitGroup
		failure := errors.New("no good")
		for range 5 {
			wg.Go(func() {
				if _, _, err := c.acquire(t.Context(), "d", noWasm, unseen); err != failure {
					t.Errorf("acquire = %v", err)
				}
			})
		}
		synctest.Wait()
		proceed <- failure
		wg.Wait()
		c.wait()
		if c.size() != 0 {
			t.Error("a failed compilation stays")
		}
	})
}

// TestCompileCancelled has waiters that leave: the compilation goes on while one
// of them stays, and ends with the last.
func TestCompileCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var compiling atomic.Int64
		c := newCode(&compiling, nil)
		var contexts []context.CancelFunc
		var wg sync.WaitGroup
		for range 3 {
			ctx, cancel := context.WithCancel(t.Context())
			contexts = append(contexts, cancel)
			wg.Go(func() {
				if _, _, err := c.acquire(ctx, "d", noWasm, unseen); !errors.Is(err, context.Canceled) {
					t.Errorf("acquire = %v", err)
				}
			})
		}
		synctest.Wait()
		contexts[0]()
		contexts[1]()
		synctest.Wait()
		if compiling.Load() != 1 {
			t.Fatal("the compilation ended though somebody waits")
		}
		contexts[2]()
		wg.Wait()
		// One that comes while the cancelled compilation is ending gets its own.
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() { c.acquire(ctx, "d", noWasm, unseen) })
		synctest.Wait()
		if compiling.Load() != 1 {
			t.Error("a new compilation did not start")
		}
		cancel()
		wg.Wait()
		c.wait()
		if c.size() != 0 || compiling.Load() != 0 {
			t.Error("a cancelled compilation stays")
		}
	})
}

func TestCompileHeedsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newHost(t, akamai).Compile(ctx, guestSpec(t, "hello")); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrInvalid) {
		t.Errorf("Compile = %v", err)
	}
}

// TestBadCache has caches that cannot be used: the host says so and does without.
func TestBadCache(t *testing.T) {
	spec := guestSpec(t, "load")
	host := func(t *testing.T, dir string) (*Host, *bytes.Buffer) {
		var log bytes.Buffer
		h, err := New(t.Context(), Config{CacheDir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close(context.Background()) })
		return h, &log
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h, log := host(t, file)
	serve(t, h, spec)
	if !strings.Contains(log.String(), "no cache of compiled code") {
		t.Errorf("log %q", log)
	}

	dir := t.TempDir()
	t.Run("fill", func(t *testing.T) { // what is compiled is kept when its host is closed
		h, _ := host(t, dir)
		serve(t, h, spec)
	})
	var entries int
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		entries++
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return os.WriteFile(p, b[:len(b)/2], 0o600)
	})
	if err != nil || entries == 0 {
		t.Fatalf("%d cache entries, %v", entries, err)
	}
	h, log = host(t, dir)
	v := serve(t, h, spec)
	if a := v.get("/"); a.StatusCode != 200 {
		t.Errorf("with a corrupt cache: %d", a.StatusCode)
	}
	if !strings.Contains(log.String(), "cache of compiled code not used") {
		t.Errorf("log %q", log)
	}
}

func TestLineWriter(t *testing.T) {
	var got []string
	w := &lineWriter{emit: func(l string) { got = append(got, l) }}
	for _, s := range []string{"a\nb", "c\r\n\n", "\xff\n", strings.Repeat("x", maxLine-1), "\u00e9" + "y\n", "end"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	w.Close()
	w.Close()
	want := []string{"a", "bc", "", "\uFFFD", strings.Repeat("x", maxLine-1), "\u00e9y", "end"}
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("line %d: %.20q of %d bytes, want %.20q", i, got[i], len(got[i]), want[i])
		}
	}
	got = nil
	w.Write(bytes.Repeat([]byte("z"), 3*maxLine+5))
	w.Close()
	if len(got) != 4 || len(got[0]) != maxLine || len(got[3]) != 5 {
		t.Errorf("a line without end became %d lines", len(got))
	}
}

func FuzzLineWriter(f *testing.F) {
	f.Add([]byte("a\nb\r\n\xffc"), 2)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if cut < 0 || cut > len(b) {
			return
		}
		total := 0
		w := &lineWriter{emit: func(l string) {
			if strings.Contains(l, "\n") {
				t.Fatalf("line %q", l)
			}
			total++
		}}
		w.Write(b[:cut])
		w.Write(b[cut:])
		w.Close()
		want := bytes.Count(b, []byte("\n"))
		if len(b) > 0 && b[len(b)-1] != '\n' {
			want++
		}
		if total != want {
			t.Fatalf("%d lines of %q, want %d", total, b, want)
		}
	})
}
