package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/neutrino-local/neutrino-local/registry/pack"
)

// debounce is how long nothing must have changed before it is built: editors write
// a file in several steps, and several files at once.
const debounce = 100 * time.Millisecond

// A watch deploys an app again and again as its files change.
//
// Events of the file system only wake it up: what changed is found by comparing
// the content of files with what it was, so that a file that is touched, or written
// by our own build, is no change.
type watch struct {
	out    io.Writer
	wake   <-chan struct{}
	scan   func() (*watched, error)
	build  func(ctx context.Context, components []string) error
	deploy func(ctx context.Context) error
	first  bool // build before the first deploy too

	seen     map[string]hash
	suspects map[string]bool // inputs that changed during the last build
	outputs  map[string]bool // inputs that change in every build: a build writes them
}

type hash [sha256.Size]byte

// watched is what the files of an app are at one time.
type watched struct {
	*pack.Watched
	files map[string]hash
}

// run deploys once and then after each change, until ctx ends.
func (w *watch) run(ctx context.Context) error {
	w.outputs, w.suspects = map[string]bool{}, map[string]bool{}
	now, err := w.scan()
	if err != nil {
		return err
	}
	w.seen = now.files
	if w.first {
		err = w.rebuild(ctx, now, []string{""})
	}
	if err == nil {
		err = w.deploy(ctx)
	}
	if err != nil && ctx.Err() == nil {
		if code := exitCode(err); code == exitUsage || code == exitUnreachable {
			return err
		}
		w.failed(err)
	}
	for ctx.Err() == nil {
		fmt.Fprintln(w.out, "Watching for changes (Ctrl-C ends)")
		for again := false; !again && ctx.Err() == nil; {
			if w.settle(ctx, len(w.suspects) > 0) {
				again = w.changed(ctx)
			}
		}
	}
	return nil // Ctrl-C is how this ends
}

func (w *watch) failed(err error) { report(err, w.out) }

// settle waits for something to happen and then for a pause. If there is something
// to do already, it waits for the pause only.
func (w *watch) settle(ctx context.Context, now bool) bool {
	var quiet <-chan time.Time
	if now {
		quiet = time.After(debounce)
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-w.wake:
			quiet = time.After(debounce)
		case <-quiet:
			return true
		}
	}
}

// changed builds and deploys what has changed and reports whether anything had.
func (w *watch) changed(ctx context.Context) bool {
	before, err := w.scan()
	if err != nil {
		return w.broken(err)
	}
	changes := w.changes(w.seen, before.files)
	if len(changes) == 0 {
		clear(w.suspects)
		return false
	}
	fmt.Fprintf(w.out, "\nChanged: %s\n", names(filepath.Dir(before.Manifest), changes))
	components := w.components(before, changes)
	w.seen = before.files
	if len(components) == 0 {
		clear(w.suspects)
	} else if err := w.rebuild(ctx, before, components); err != nil {
		if ctx.Err() == nil {
			w.failed(err)
		}
		return true
	}
	if err := w.deploy(ctx); err != nil && ctx.Err() == nil {
		w.failed(err)
	}
	return true
}

// broken tells of a manifest that cannot be read, once for each state of it.
func (w *watch) broken(err error) bool {
	state := map[string]hash{"": sha256.Sum256([]byte(err.Error()))}
	if w.seen[""] == state[""] {
		return false
	}
	for file, h := range w.seen {
		if file != "" {
			state[file] = h
		}
	}
	w.seen = state
	w.failed(err)
	return true
}

// rebuild builds components. An input that changes meanwhile has been edited or
// was written by the build: it is built again, and if it changes then too, it is
// the build that writes it. All else that changes is what the build made.
func (w *watch) rebuild(ctx context.Context, before *watched, components []string) error {
	err := w.build(ctx, components)
	after, scanErr := w.scan()
	if scanErr != nil {
		return errors.Join(err, scanErr)
	}
	again := map[string]bool{}
	for _, file := range w.changes(before.files, after.files) {
		switch {
		case after.Inputs[file] == nil && before.Inputs[file] == nil && file != after.Manifest:
		case w.suspects[file]:
			w.outputs[file] = true
		default:
			again[file] = true
		}
	}
	w.seen, w.suspects = after.files, again
	for file := range again { // so that it differs
		w.seen[file] = before.files[file]
	}
	return err
}

// changes returns the files that differ, in order.
func (w *watch) changes(old, now map[string]hash) []string {
	var all []string
	for file, h := range now {
		if was, ok := old[file]; (!ok || was != h) && !w.outputs[file] {
			all = append(all, file)
		}
	}
	for file := range old {
		if _, ok := now[file]; !ok && file != "" && !w.outputs[file] {
			all = append(all, file)
		}
	}
	slices.Sort(all)
	return all
}

// components returns the ids of those that changes make it necessary to build; nil
// is none and one empty id is all.
func (w *watch) components(now *watched, changes []string) []string {
	var ids []string
	for _, file := range changes {
		if file == now.Manifest {
			return []string{""}
		}
		for _, id := range now.Inputs[file] {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if _, there := now.files[file]; !there && !now.Outputs[file] {
			return []string{""} // an input that is gone: nobody knows whose it was
		}
	}
	return ids
}

func names(root string, files []string) string {
	const most = 5
	text := ""
	for i, file := range files {
		if rel, err := filepath.Rel(root, file); err == nil {
			file = rel
		}
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(files)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += file
	}
	return text
}

// watch deploys the app in the folder after every change of it.
func (d *deploy) watch(ctx context.Context) error {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch files: %w", err)
	}
	defer events.Close()
	manifest, err := d.manifest()
	if err != nil {
		return err
	}
	wake, end := wakes(ctx, events)
	defer end()
	first := *d // as the flags say
	done := false
	w := &watch{
		out: d.std.Err, wake: wake, first: d.builds(),
		scan: func() (*watched, error) { return scan(manifest, events) },
		build: func(ctx context.Context, components []string) error {
			return buildComponents(ctx, manifest, "", d.std.Err, components)
		},
		deploy: func(ctx context.Context) error {
			next := first
			next.queue, next.events = true, nil
			if done {
				next.createName, next.appName, next.appID, next.noConfirm, next.listen = "", "", d.target.app.ID, true, ""
			}
			err := next.run(ctx)
			if next.target.app.ID != "" {
				d.target.app, done = next.target.app, true
			}
			return err
		},
	}
	return w.run(ctx)
}

// wakes turns events into at most one that waits. Call end when done.
func wakes(ctx context.Context, events *fsnotify.Watcher) (wake <-chan struct{}, end func()) {
	c := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-events.Events:
				if e.Op == fsnotify.Chmod {
					continue
				}
			case <-events.Errors: // events were lost: look at everything
			}
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}()
	return c, func() { cancel(); <-done }
}

// scan returns what there is to watch and its content, and watches where more may
// come to be.
func scan(manifest string, events *fsnotify.Watcher) (*watched, error) {
	if err := events.Add(filepath.Dir(manifest)); err != nil {
		return nil, fmt.Errorf("watch %s: %w", filepath.Dir(manifest), err)
	}
	m, err := pack.Read(manifest)
	if err != nil {
		return nil, err
	}
	what, err := m.Watched()
	if err != nil {
		return nil, err
	}
	for _, dir := range what.Dirs {
		if err := events.Add(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("watch %s: %w", dir, err)
		}
	}
	now := &watched{Watched: what, files: map[string]hash{}}
	for file := range what.Inputs {
		now.note(file)
	}
	for file := range what.Outputs {
		now.note(file)
	}
	now.note(manifest)
	return now, nil
}

// note remembers the content of a file. One that cannot be read is as one that is
// not there: packaging says why.
func (w *watched) note(file string) {
	f, err := os.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err == nil {
		w.files[file] = hash(h.Sum(nil))
	}
}
