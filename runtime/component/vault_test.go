package component

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// TestVault keeps and loads a component, in a folder whose name is a pattern.
func TestVault(t *testing.T) {
	cache, err := codecache.Open(filepath.Join(t.TempDir(), "[code]"), 0)
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for _, cached := range []bool{false, true} {
		engine, err := NewEngine(t.Context(), Config{Cache: cache, Log: slog.New(slog.NewTextHandler(&said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close(context.Background())
		var last Progress
		c, err := engine.CompileBinary(t.Context(), Binary{Wasm: wasm, Progress: func(p Progress) { last = p }}, newShop().linker)
		if err != nil {
			t.Fatal(err)
		}
		if last.Cached != cached || last.Done != last.Modules || last.Modules != len(c.cores) {
			t.Errorf("progress at the end: %+v, cached: %t", last, cached)
		}
		in, err := c.Instantiate(t.Context(), InstanceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := in.Call(t.Context(), fn(t, in, "greet"), abi.String("you")); err != nil || v.Text() != "you" {
			t.Errorf("cached: %t: greet = %v, %v", cached, format(v), err)
		}
		if err := errors.Join(in.Close(t.Context()), engine.Close(t.Context())); err != nil { // waits until all is kept
			t.Error(err)
		}
	}
	if said.Len() > 0 {
		t.Errorf("log: %s", said.String())
	}
}

// TestVaultOfTwins keeps and loads a component that has a module twice, whose
// code there is once.
func TestVaultOfTwins(t *testing.T) {
	cache, err := codecache.Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile("testdata/twice.wasm")
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for range 2 {
		engine, err := NewEngine(t.Context(), Config{Cache: cache, Log: slog.New(slog.NewTextHandler(&said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close(context.Background())
		c, err := engine.Compile(t.Context(), wasm, NewLinker())
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.Instantiate(t.Context(), InstanceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint32
		for _, name := range []string{"a", "a", "b"} {
			f, ok := c.Func("", name)
			if !ok {
				t.Fatalf("no function %s", name)
			}
			v, err := in.Call(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, v.U32())
		}
		if want := []uint32{1, 2, 1}; !slices.Equal(got, want) {
			t.Errorf("the twins count %v, want %v", got, want)
		}
		if err := errors.Join(in.Close(t.Context()), engine.Close(t.Context())); err != nil {
			t.Error(err)
		}
	}
	if said.Len() > 0 {
		t.Errorf("log: %s", said.String())
	}
}
