package component

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// TestCodeVersion notices that what is made of a module has changed: codeVersion
// is then to go up, or caches have the old.
func TestCodeVersion(t *testing.T) {
	sum := sha256.New()
	for _, file := range []string{"busy.wasm", "secret.wasm", "shop.wasm"} {
		wasm, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		p, _, err := newShop().linker.link(wasm)
		if err != nil {
			t.Fatal(err)
		}
		c := &Component{plan: p}
		for i := range c.plan.Cores {
			var imports []string
			for _, r := range c.plan.Cores[i].Imports {
				module, name := c.providerName(r)
				imports = append(imports, module, name)
			}
			out, err := c.rewrite(i, imports)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(sum, "%q %v %q %q %d %q", out.Wasm, out.Image, out.Globals, out.Start+out.Fuel, out.FuelStart, out.Stuck)
		}
	}
	const version, want = 9, "6986d3f73db44867"
	if got := fmt.Sprintf("%.8x", sum.Sum(nil)); got != want || codeVersion != version {
		t.Errorf("modules are rewritten to %s by version %d; raise codeVersion, and write both down here in the place of %s and %d", got, codeVersion, want, version)
	}
}

func compileFileWith(t *testing.T, l *Linker, file string) *Component {
	t.Helper()
	engine, err := NewEngine(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close(context.Background()) })
	wasm, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Compile(t.Context(), wasm, l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestCache compiles, loads, and compiles again what was damaged on disk.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	use := func() (log string) {
		var said bytes.Buffer
		cache, err := codecache.Open(dir, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := newShop()
		engine, err := NewEngine(t.Context(), Config{Cache: cache, Log: slog.New(slog.NewTextHandler(&said, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Close(context.Background())
		c, err := engine.Compile(t.Context(), wasm, s.linker)
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.Instantiate(t.Context(), InstanceConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := in.Call(t.Context(), fn(t, in, "greet"), abi.String("you")); err != nil || v.Text() != "you" {
			t.Errorf("greet = %v, %v", format(v), err)
		}
		if err := errors.Join(in.Close(t.Context()), engine.Close(t.Context())); err != nil {
			t.Error(err)
		}
		return said.String()
	}
	if log := use() + use(); log != "" {
		t.Errorf("a cache that works is logged: %s", log)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) == 0 {
			return err
		}
		files++
		for _, damaged := range [][]byte{content[:len(content)/2], append(bytes.Clone(content[:len(content)-1]), ^content[len(content)-1])} {
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				return err
			}
			if log := use(); !strings.Contains(log, "cache of compiled code not used") {
				t.Errorf("damage of %s: log %q", filepath.Base(path), log)
			}
			if log := use(); log != "" {
				t.Errorf("after the damage of %s: log %q", filepath.Base(path), log)
			}
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Errorf("%d files in the cache, %v", files, err)
	}
	// Entries that were made of something else are replaced, and so is one that
	// lacks the code, of which the engine would compile what traps.
	cache, err := codecache.Open(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	key := cacheKey("component", digestOf(wasm))
	entry, err := cache.Find(key)
	if err != nil {
		t.Fatal(err)
	}
	cores, err := entry.Read(coresFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"of something else": []byte("no modules"), "without code": cores} {
		draft, err := cache.Begin(key)
		if err := errors.Join(err, cache.Remove(key)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(draft.Write(coresFile, content), draft.Commit("")); err != nil {
			t.Fatal(err)
		}
		if log := use(); !strings.Contains(log, "cache of compiled code not used") {
			t.Errorf("an entry %s: log %q", name, log)
		}
		use() // may make the entry only now
		if log := use(); log != "" {
			t.Errorf("after an entry %s: log %q", name, log)
		}
	}
	// A cache whose folder is gone is done without.
	cache, err = codecache.Open(filepath.Join(dir, "gone"), 0)
	if err := errors.Join(err, os.Remove(filepath.Join(dir, "gone"))); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	engine, err := NewEngine(t.Context(), Config{Cache: cache, Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(context.Background())
	if _, err := engine.Compile(t.Context(), wasm, newShop().linker); err != nil || !strings.Contains(said.String(), "no cache of compiled code") {
		t.Errorf("Compile = %v, log %q", err, said.String())
	}
}

// TestCacheShared has several engines at one cache, as processes have, and one
// of them empties it: wherever code comes from, it does what it should.
func TestCacheShared(t *testing.T) {
	dir := t.TempDir()
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	greet := func(clear bool) error {
		cache, err := codecache.Open(dir, 0)
		if err != nil {
			return err
		}
		engine, err := NewEngine(t.Context(), Config{Cache: cache})
		if err != nil {
			return err
		}
		defer engine.Close(context.Background())
		c, err := engine.Compile(t.Context(), wasm, newShop().linker)
		if err != nil {
			return err
		}
		in, err := c.Instantiate(t.Context(), InstanceConfig{})
		if err != nil {
			return err
		}
		defer in.Close(t.Context())
		if clear {
			if _, err := cache.Clear(); err != nil {
				return err
			}
		}
		if v, err := in.Call(t.Context(), fn(t, in, "greet"), abi.String("you")); err != nil || v.Text() != "you" {
			return fmt.Errorf("greet = %v, %w", format(v), err)
		}
		return nil
	}
	var engines sync.WaitGroup
	for n := range 3 {
		engines.Go(func() {
			for i := range 8 {
				if err := greet(n == 0 && i%3 == 2); err != nil {
					t.Errorf("engine %d, round %d: %v", n, i, err)
				}
			}
		})
	}
	engines.Wait()
}

// TestCacheNeedsNoWorker loads a component while all workers compile others.
func TestCacheNeedsNoWorker(t *testing.T) {
	cache, err := codecache.Open(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile("testdata/shop.wasm")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // or it would hang
	defer cancel()
	for _, busy := range []bool{false, true} {
		engine, err := NewEngine(ctx, Config{Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		if busy {
			engine.workers <- struct{}{}
		}
		if _, err := engine.Compile(ctx, wasm, newShop().linker); err != nil {
			t.Errorf("workers are busy: %t: %v", busy, err)
		}
		if err := engine.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
