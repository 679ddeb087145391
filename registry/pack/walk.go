package pack

import (
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

const (
	maxWalk  = 200_000 // entries looked at for one app
	maxDepth = 100
)

var errOutside = errors.New("is outside the application directory")

// An appRoot is the directory of an app. Paths in it are relative and
// slash-separated; whatever links they go through, they end inside.
type appRoot struct {
	dir  string // resolved
	seen int
}

func newAppRoot(dir string) (*appRoot, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("application directory: %w", err)
	}
	return &appRoot{dir: real}, nil
}

// resolve follows the links in name and returns where it leads and what is there.
func (a *appRoot) resolve(name string) (string, fs.FileInfo, error) {
	real, err := filepath.EvalSymlinks(filepath.Join(a.dir, filepath.FromSlash(name)))
	if err != nil {
		return "", nil, err
	}
	rel, err := filepath.Rel(a.dir, real)
	if err != nil || !filepath.IsLocal(rel) {
		return "", nil, errOutside
	}
	info, err := os.Lstat(real)
	return filepath.ToSlash(rel), info, err
}

// open opens a resolved path, which by now may be anything: the root sees to it
// that nothing outside is opened.
func (a *appRoot) open(resolved string) (*os.File, error) {
	root, err := os.OpenRoot(a.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.Open(filepath.FromSlash(resolved))
}

// A found file is one that a pattern matches: by the path that was walked, and
// by where that leads.
type found struct {
	name, resolved string
	size           int64
}

// A glob is a pattern cut at its slashes. A nil matcher stands for "**".
type glob struct {
	text    string
	matcher *regexp.Regexp
}

func parseGlob(pattern string) ([]glob, error) {
	var globs []glob
	for part := range strings.SplitSeq(path.Clean(pattern), "/") {
		g := glob{text: part}
		if part != "**" {
			re, err := compileGlob(part)
			if err != nil {
				return nil, err
			}
			g.matcher = re
		}
		if part == "**" && len(globs) > 0 && globs[len(globs)-1].matcher == nil {
			continue // two of them mean what one means
		}
		globs = append(globs, g)
	}
	return globs, nil
}

// glob returns the regular files below dir that globs match, in order of name.
// Links to directories are followed, but not back into a directory that they are
// in. As in Spin, a "**" at the end matches directories only, hence no file.
func (a *appRoot) glob(dir string, globs []glob) ([]found, error) {
	resolved, info, err := a.resolve(dir)
	if err != nil || !info.IsDir() {
		if errors.Is(err, errOutside) {
			return nil, err
		}
		return nil, nil
	}
	files := make(map[string]found)
	if err := a.walk(dir, resolved, globs, nil, files); err != nil {
		return nil, err
	}
	list := make([]found, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b found) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

func (a *appRoot) walk(dir, resolved string, globs []glob, above []string, files map[string]found) error {
	g, rest := globs[0], globs[1:]
	if g.matcher == nil && slices.Contains(above, resolved) {
		return nil
	}
	if len(above) > maxDepth {
		return fmt.Errorf("%s: more than %d directories deep", dir, maxDepth)
	}
	above = append(slices.Clip(above), resolved)
	if g.matcher == nil {
		if len(rest) > 0 {
			if err := a.walk(dir, resolved, rest, above[:len(above)-1], files); err != nil {
				return err
			}
		}
		rest = globs // for the directories in dir
	}
	entries, err := os.ReadDir(filepath.Join(a.dir, filepath.FromSlash(resolved)))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if a.seen++; a.seen > maxWalk {
			return fmt.Errorf("%s: more than %d files and directories", dir, maxWalk)
		}
		if g.matcher != nil && !g.matcher.MatchString(e.Name()) || e.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0 {
			continue
		}
		if err := a.enter(path.Join(dir, e.Name()), path.Join(resolved, e.Name()), e, g.matcher != nil, rest, above, files); err != nil {
			return err
		}
	}
	return nil
}

// enter notes the entry at name if the pattern ends with it, or goes on inside.
func (a *appRoot) enter(name, resolved string, e fs.DirEntry, matched bool, rest []glob, above []string, files map[string]found) error {
	var info fs.FileInfo
	var err error
	if e.Type()&fs.ModeSymlink != 0 {
		resolved, info, err = a.resolve(name)
	} else if info, err = e.Info(); err == nil && !e.IsDir() && (!matched || len(rest) > 0) {
		return nil
	}
	switch {
	case errors.Is(err, errOutside):
		return fmt.Errorf("%s %w", name, err)
	case errors.Is(err, fs.ErrNotExist): // a link to nowhere, or gone by now
		return nil
	case err != nil:
		return err
	case info.IsDir() && len(rest) > 0:
		return a.walk(name, resolved, rest, above, files)
	case info.Mode().IsRegular() && matched && len(rest) == 0:
		files[name] = found{name, resolved, info.Size()}
	}
	return nil
}
