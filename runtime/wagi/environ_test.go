package wagi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/route"
)

// onePage is a module with one page of memory and nothing else.
var onePage = []byte("\x00asm\x01\x00\x00\x00" + "\x05\x03\x01\x00\x01" + "\x07\x0a\x01\x06memory\x02\x00")

func newMemory(t *testing.T) api.Module {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { r.Close(t.Context()) })
	m, err := r.Instantiate(t.Context(), onePage)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEnviron(t *testing.T) {
	m := newMemory(t)
	s := &system{module: m, environ: newEnviron([]Variable{{"A", "1"}, {"EMPTY", ""}, {"C", "x=y"}})}
	call := func(f function, a, b uint64) uint64 {
		stack := []uint64{a, b}
		f(t.Context(), s, stack)
		return stack[0]
	}
	if got := call(environSizesGet, 0, 4); got != 0 {
		t.Fatalf("environ_sizes_get = %d", got)
	}
	if got := call(environGet, 16, 100); got != 0 {
		t.Fatalf("environ_get = %d", got)
	}
	sizes, _ := m.Memory().Read(0, 8)
	pointers, _ := m.Memory().Read(16, 12)
	text, _ := m.Memory().Read(100, 18)
	got := fmt.Sprintf("%v %v %q", sizes, pointers, text)
	want := `[3 0 0 0 17 0 0 0] [100 0 0 0 104 0 0 0 111 0 0 0] "A=1\x00EMPTY=\x00C=x=y\x00\x00"`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	const end = 1 << 16
	for _, at := range [][2]uint64{{end, 0}, {0, end}, {end - 11, 0}, {0, end - 16}, {1<<32 - 4, 0}, {0, 1<<32 - 1}} {
		if got := call(environGet, at[0], at[1]); got != fault {
			t.Errorf("environ_get(%d, %d) = %d, want %d", at[0], at[1], got, fault)
		}
	}
	for _, at := range [][2]uint64{{end - 3, 0}, {0, end - 3}, {1<<32 - 1, 0}} {
		if got := call(environSizesGet, at[0], at[1]); got != fault {
			t.Errorf("environ_sizes_get(%d, %d) = %d, want %d", at[0], at[1], got, fault)
		}
	}
}

func TestNoEnviron(t *testing.T) {
	m, stack := newMemory(t), []uint64{0, 4}
	s := &system{module: m}
	m.Memory().Write(0, bytes.Repeat([]byte{1}, 8))
	environSizesGet(t.Context(), s, stack)
	if sizes, _ := m.Memory().Read(0, 8); stack[0] != 0 || !bytes.Equal(sizes, make([]byte, 8)) {
		t.Errorf("environ_sizes_get = %d, %v", stack[0], sizes)
	}
	stack = []uint64{0, 0}
	if environGet(t.Context(), s, stack); stack[0] != 0 {
		t.Errorf("environ_get = %d", stack[0])
	}
}

// TestManyHeaders sends as many headers as fit into a request. Each of them is a
// variable; a cost that grows with their square took half a minute, before the
// program's deadline had a say.
func TestManyHeaders(t *testing.T) {
	ctx := t.Context()
	linker := component.NewLinker()
	preview1, err := NewPreview1(ctx, linker)
	if err != nil {
		t.Fatal(err)
	}
	defer preview1.Close(ctx)
	engine, err := component.NewEngine(ctx, component.Config{Preview1: preview1.Link})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	wasm, err := os.ReadFile(guests.Build(t, "load") + "/load.wasm")
	if err != nil {
		t.Fatal(err)
	}
	command, err := engine.CompileCommand(ctx, component.Binary{Wasm: wasm}, linker)
	if err != nil {
		t.Fatal(err)
	}
	q := &Request{HTTP: httptest.NewRequest(http.MethodGet, "/", nil), Match: route.Through("load", "/")}
	for n := range 40_000 {
		q.HTTP.Header[fmt.Sprintf("H%d", n)] = []string{"1"}
	}
	w, stderr := httptest.NewRecorder(), new(strings.Builder)
	make := func(ctx context.Context, set func(*component.Instance) error, _ io.Writer) (*component.Instance, func(error) error, error) {
		in, err := command.Instantiate(ctx, component.InstanceConfig{Init: set})
		return in, func(error) error { return in.Close(ctx) }, err
	}
	p := &Program{Make: make, Preview1: preview1, Environment: map[string]string{"VERSION": "v7"}}
	if err := p.Serve(ctx, w, q, stderr); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Body.String(), "hello from v7\n"; got != want {
		t.Errorf("body = %q, want %q", got, want)
	}
}

// TestEnvironmentOrder has the same name from several sources: the last one that
// says it counts.
func TestEnvironmentOrder(t *testing.T) {
	q := &Request{HTTP: httptest.NewRequest(http.MethodGet, "/", nil), Match: route.Through("load", "/")}
	q.HTTP.Header = http.Header{"A-B": {"1"}, "A_b": {"2"}}
	base := map[string]string{"PATH_INFO": "manifest", "HTTP_A_B": "manifest", "X_CLIENT_ADDR": "manifest", "ZONE": "manifest"}
	got, names := map[string]string{}, []string{}
	for _, v := range environment(base, q) {
		got[v.Name] = v.Value
		names = append(names, v.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %q", names)
	}
	for name, want := range map[string]string{"PATH_INFO": "/", "HTTP_A_B": "2", "X_CLIENT_ADDR": "", "ZONE": "manifest"} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}
