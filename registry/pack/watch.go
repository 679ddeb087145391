package pack

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const maxWatched = 50_000 // files and directories looked at

// Watched is what an app is made from: a change to one of the files is a reason to
// build or to package it anew.
type Watched struct {
	Manifest string
	// Inputs are the files that build.watch of components names, each with the ids
	// of those components. Outputs are other files that become part of the app.
	Inputs  map[string][]string
	Outputs map[string]bool
	Dirs    []string // where any of them are, or could come to be
}

// Watched returns what to watch of an app. Patterns are relative to the workdir of
// the build; what tools write beside sources is left out unless a pattern names it
// (.git, node_modules, target). A binary that a build makes is an output.
func (m *Manifest) Watched() (*Watched, error) {
	w := &watcher{
		Watched: Watched{Manifest: m.Path, Inputs: make(map[string][]string), Outputs: make(map[string]bool)},
		dirs:    map[string]bool{m.Root: true},
	}
	for i := range m.Components {
		c := &m.Components[i]
		if err := w.component(m, c); err != nil {
			return nil, fmt.Errorf("watch component %q: %w", c.ID, err)
		}
	}
	for file := range w.Outputs {
		delete(w.Inputs, file)
	}
	for dir := range w.dirs {
		w.Dirs = append(w.Dirs, dir)
	}
	slices.Sort(w.Dirs)
	return &w.Watched, nil
}

type watcher struct {
	Watched
	dirs map[string]bool
	seen int
}

func (w *watcher) component(m *Manifest, c *Component) error {
	note := func(file string) { w.Outputs[file] = true; w.dirs[filepath.Dir(file)] = true }
	for _, s := range append([]Source{c.Source}, sources(c.Dependencies)...) {
		if s.Path != "" {
			note(m.local("", s.Path))
		}
	}
	for _, f := range c.files {
		if err := w.mounted(m, f, note); err != nil {
			return err
		}
	}
	if c.Build == nil {
		return nil
	}
	input := func(file string) {
		if ids := w.Inputs[file]; !slices.Contains(ids, c.ID) {
			w.Inputs[file] = append(ids, c.ID)
		}
		w.dirs[filepath.Dir(file)] = true
	}
	for _, pattern := range c.Build.Watch {
		if err := w.glob(m.local(c.Build.Workdir, ""), pattern, input); err != nil {
			return err
		}
	}
	return nil
}

// mounted notes the files of an entry of files.
func (w *watcher) mounted(m *Manifest, f mount, note func(string)) error {
	pattern := f.source.text
	if info, err := os.Stat(m.local("", pattern)); err == nil && info.IsDir() {
		pattern = path.Join(pattern, "**/*")
	}
	return w.glob(m.Root, pattern, note)
}

func sources(dependencies []Dependency) []Source {
	var all []Source
	for _, d := range dependencies {
		all = append(all, d.Source)
	}
	return all
}

// local returns the absolute path of a file of the app.
func (m *Manifest) local(dir, file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return filepath.Join(m.Root, filepath.FromSlash(dir), filepath.FromSlash(file))
}

// glob finds the files below root that a pattern matches, and every directory where
// one could be.
func (w *watcher) glob(root, pattern string, found func(string)) error {
	base, rest := splitGlob(path.Clean(filepath.ToSlash(pattern)))
	if filepath.IsAbs(filepath.FromSlash(base)) {
		root = ""
	}
	base = filepath.Join(root, filepath.FromSlash(base))
	if rest == "" {
		w.dirs[filepath.Dir(base)] = true
		if info, err := os.Stat(base); err == nil && info.Mode().IsRegular() {
			found(base)
		}
		return nil
	}
	matcher, err := compileGlob(rest)
	if err != nil {
		return fmt.Errorf("pattern %.200q: %w", pattern, err)
	}
	return w.walk(base, matcher, strings.Contains(rest, "/") || strings.Contains(rest, "**"), found)
}

func (w *watcher) walk(base string, matcher *regexp.Regexp, deep bool, found func(string)) error {
	return filepath.WalkDir(base, func(file string, e fs.DirEntry, err error) error {
		if w.seen++; w.seen > maxWatched {
			return fmt.Errorf("%s: more than %d files and directories to watch", base, maxWatched)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist): // gone by now, or not there yet
			return nil
		case err != nil:
			return err
		case e.IsDir() && file != base && (!deep || written(e.Name())):
			return fs.SkipDir
		case e.IsDir():
			w.dirs[file] = true
			return nil
		}
		rel, err := filepath.Rel(base, file)
		if err == nil && !e.Type().IsDir() && matcher.MatchString(filepath.ToSlash(rel)) {
			found(file)
		}
		return err
	})
}

// written reports whether a directory of that name is written by tools.
func written(name string) bool {
	return slices.Contains([]string{".git", ".neutrino", ".spin", "node_modules", "target"}, name)
}

// splitGlob cuts a pattern before its first part that is one.
func splitGlob(pattern string) (base, rest string) {
	parts := strings.Split(pattern, "/")
	i := slices.IndexFunc(parts, isGlob)
	if i < 0 {
		return pattern, ""
	}
	return cmp.Or(strings.Join(parts[:i], "/"), map[bool]string{true: "/", false: "."}[i > 0]), strings.Join(parts[i:], "/")
}
