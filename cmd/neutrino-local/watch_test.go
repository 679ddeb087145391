package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/registry/pack"
)

// A folder is an app that a test edits, and what was done to it.
type folder struct {
	mu      sync.Mutex
	files   map[string]string // guarded by mu
	wake    chan struct{}
	did     []string
	onBuild func() error
	broken  error
}

func (f *folder) scan() (*watched, error) {
	if f.broken != nil {
		return nil, f.broken
	}
	w := &watched{
		Watched: &pack.Watched{Manifest: "/app/spin.toml", Inputs: map[string][]string{}, Outputs: map[string]bool{"/app/web.wasm": true, "/app/page.html": true}},
		files:   map[string]hash{},
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, content := range f.files {
		w.files["/app/"+name] = sha256.Sum256([]byte(content))
		switch {
		case strings.HasPrefix(name, "both"):
			w.Inputs["/app/"+name] = []string{"web", "api"}
		case strings.HasPrefix(name, "src"):
			w.Inputs["/app/"+name] = []string{"web"}
		}
	}
	return w, nil
}

// edit changes files and waits until the watch waits again.
func (f *folder) edit(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		f.put(pairs[i], pairs[i+1])
		f.poke()
	}
	f.settle()
}

// put gives a file its content; "" is for none.
func (f *folder) put(name, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files[name] = content; content == "" {
		delete(f.files, name)
	}
}

// poke says that something has happened, as wakes does.
func (f *folder) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// settle lets the watch do all that it has to do.
func (f *folder) settle() {
	for range 5 { // each round of a build that changes its inputs takes a pause
		<-time.After(2 * debounce) // fake time
		synctest.Wait()
	}
}

func TestWatch(t *testing.T) {
	tests := []struct {
		name string
		edit func(*folder)
		want []string
	}{
		{"an input", func(f *folder) { f.edit("src.c", "2") }, []string{"build web", "deploy"}},
		{"a burst is one change", func(f *folder) { f.edit("src.c", "2", "src.c", "3", "src2.c", "1") }, []string{"build web", "deploy"}},
		{"of two components", func(f *folder) { f.edit("both.h", "2") }, []string{"build web api", "deploy"}},
		{"touched", func(f *folder) { f.edit("src.c", "1") }, nil},
		{"changed and changed back", func(f *folder) { f.edit("src.c", "2", "src.c", "1") }, nil},
		{"a page", func(f *folder) { f.edit("page.html", "2") }, []string{"deploy"}},
		{"the manifest", func(f *folder) { f.edit("spin.toml", "2") }, []string{"build ", "deploy"}},
		{"an input that goes", func(f *folder) { f.edit("src.c", "") }, []string{"build ", "deploy"}},
		{"what the build writes is no change", func(f *folder) {
			n := 0
			f.onBuild = func() error { n++; f.put("web.wasm", strings.Repeat("x", n)); f.poke(); return nil }
			f.edit("src.c", "2")
			f.edit("src.c", "3")
		}, []string{"build web", "deploy", "build web", "deploy"}},
		{"an input that the build writes is built once more", func(f *folder) {
			n := 0
			f.onBuild = func() error { n++; f.put("src_gen.c", strings.Repeat("x", n)); return nil }
			f.edit("src.c", "2")
			f.edit("src.c", "3")
		}, []string{"build web", "deploy", "build web", "deploy", "build web", "deploy"}},
		{"an edit during the build is built too", func(f *folder) {
			n := 0
			f.onBuild = func() error {
				if n++; n == 1 {
					f.put("src.c", "3")
				}
				return nil
			}
			f.edit("src.c", "2")
			f.edit("src.c", "4")
		}, []string{"build web", "deploy", "build web", "deploy", "build web", "deploy"}},
		{"a build that fails waits for the next change", func(f *folder) {
			f.onBuild = func() error { return errors.New("make: no rule") }
			f.edit("src.c", "2")
			f.onBuild = nil
			f.edit("src.c", "3")
		}, []string{"build web", "build web", "deploy"}},
		{"a manifest that cannot be read waits", func(f *folder) {
			f.broken = errors.New("spin.toml:1:1: oops")
			f.edit("spin.toml", "2")
			f.edit("spin.toml", "3")
			f.broken = nil
			f.edit("spin.toml", "4")
		}, []string{"build ", "deploy"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &folder{wake: make(chan struct{}, 1), files: map[string]string{
					"spin.toml": "1", "src.c": "1", "both.h": "1", "web.wasm": "", "page.html": "1",
				}}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var out bytes.Buffer
				w := &watch{
					out: &out, wake: f.wake, scan: f.scan,
					build: func(_ context.Context, ids []string) error {
						f.did = append(f.did, "build "+strings.Join(ids, " "))
						if f.onBuild != nil {
							return f.onBuild()
						}
						return nil
					},
					deploy: func(context.Context) error { f.did = append(f.did, "deploy"); return nil },
				}
				done := make(chan error)
				go func() { done <- w.run(ctx) }()
				f.settle()
				f.did = nil
				tt.edit(f)
				f.settle()
				cancel()
				if err := <-done; err != nil {
					t.Errorf("run = %v, want nil", err)
				}
				if diff := cmp.Diff(tt.want, f.did); diff != "" {
					t.Errorf("(-want +got):\n%s\n%s", diff, out.String())
				}
			})
		})
	}
}
