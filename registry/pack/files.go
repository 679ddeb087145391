package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// An asset is a file of a component: what the guest sees at path.
type asset struct {
	path    string
	content *content
}

// assets returns the files of a component in order of path. What is wrong goes
// to the report.
//
// Spin copies a plain directory "a/b" to a/b/a/b, by the look of its code. No app
// can want that, so here it goes to a/b, as {source, destination} has it.
func (p *packer) assets(c *Component) []asset {
	files := make(map[string]found)
	excluded := p.excludes(c)
	for _, m := range c.files {
		list, err := p.mounted(m, excluded)
		if err != nil {
			p.report.errorf(m.source.offset, "files of component %q: %v", c.ID, err)
			continue
		}
		for guest, f := range list {
			if !artifact.ValidFilePath(guest) {
				p.report.errorf(m.source.offset, "files of component %q: invalid file mount %.200q", c.ID, guest)
				continue
			}
			files[guest] = f // the last mount wins
		}
	}
	var all []asset
	var paths []string
	for guest, f := range files {
		paths = append(paths, guest)
		all = append(all, asset{guest, p.file(f)})
	}
	slices.Sort(paths)
	if err := artifact.CheckTree(paths); err != nil {
		p.report.errorf(c.files[0].source.offset, "files of component %q: %v", c.ID, err)
	}
	slices.SortFunc(all, func(a, b asset) int { return strings.Compare(a.path, b.path) })
	return all
}

func (p *packer) excludes(c *Component) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, e := range c.exclude {
		re, err := compileGlob(e.text)
		if err != nil {
			p.report.errorf(e.offset, "Invalid exclude_files glob pattern %.200q: %v", e.text, err)
			continue
		}
		all = append(all, re)
	}
	return all
}

// mounted returns the files of one entry by the path that the guest sees.
func (p *packer) mounted(m mount, excluded []*regexp.Regexp) (map[string]found, error) {
	if m.destination != nil {
		return p.placement(m.source.text, *m.destination, excluded)
	}
	pattern := m.source.text
	last := pattern[strings.LastIndexByte(pattern, '/')+1:]
	switch {
	case pattern == "":
		return nil, errors.New("empty pattern")
	case last == "..":
		//lint:ignore ST1005 as Spin words it
		return nil, errors.New("A file pattern can't end in a parent directory path (..): to include a directory, use source-destination form, or a glob pattern ending in **/*")
	case last == ".":
		//lint:ignore ST1005 as Spin words it
		return nil, errors.New("A file pattern can't end in a current directory path (.): to include a directory, use source-destination form, or a glob pattern ending in **/*")
	case pattern == "*":
		p.report.warnf(m.source.offset, "a component includes the entire application directory as asset files; if this is what you want, write \"./*\"")
	case pattern == "**/*":
		p.report.warnf(m.source.offset, "a component includes the entire application directory tree as asset files; if this is what you want, write \"./**/*\"")
	}
	name, err := p.inside(pattern)
	if err != nil {
		return nil, outside(pattern, err)
	}
	resolved, info, err := p.root.resolve(name)
	switch {
	case errors.Is(err, errOutside):
		return nil, outside(pattern, err)
	case err == nil && info.IsDir():
		return p.below(name, name, excluded)
	case err == nil && info.Mode().IsRegular():
		return map[string]found{name: {name, resolved, info.Size()}}, nil
	case err == nil:
		return nil, fmt.Errorf("%q is neither a file nor a directory", pattern)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%q: %w", pattern, fs.ErrPermission)
	case !isGlob(pattern):
		return nil, fmt.Errorf("%q does not exist and doesn't appear to be a glob pattern", pattern)
	}
	return p.matched(m.source, name, excluded)
}

// matched returns what a pattern matches, at the paths that it has in the app.
func (p *packer) matched(pattern placed, name string, excluded []*regexp.Regexp) (map[string]found, error) {
	globs, err := parseGlob(name)
	if err != nil {
		return nil, fmt.Errorf("invalid pattern %q: %w", pattern.text, err)
	}
	list, err := p.root.glob(".", globs)
	if errors.Is(err, errOutside) {
		return nil, outside(pattern.text, err)
	}
	files := make(map[string]found)
	for _, f := range list {
		if !excludes(excluded, f.name) {
			files[f.name] = f
		}
	}
	if err == nil && len(list) == 0 {
		p.report.warnf(pattern.offset, "the pattern %q matches no file", pattern.text)
	}
	return files, err
}

// placement returns the files of a {source, destination}.
func (p *packer) placement(source string, destination placed, excluded []*regexp.Regexp) (map[string]found, error) {
	name, err := p.inside(source)
	if err != nil {
		return nil, outside(source, err)
	}
	resolved, info, err := p.root.resolve(name)
	switch {
	case errors.Is(err, errOutside):
		return nil, outside(source, err)
	case errors.Is(err, fs.ErrNotExist):
		//lint:ignore ST1005 as Spin words it
		return nil, fmt.Errorf("File or directory %q does not exist", source)
	case err != nil:
		return nil, err
	}
	to := strings.TrimLeft(destination.text, "/")
	if slices.Contains(strings.Split(to, "/"), "..") {
		return nil, fmt.Errorf("%q is not a valid destination: it leads outside", destination.text)
	}
	if info.IsDir() {
		return p.below(name, path.Clean(to), excluded)
	}
	if to == "" || strings.HasSuffix(to, "/") || path.Base(to) == "." {
		return nil, fmt.Errorf("%q is not a valid destination file name", destination.text)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is neither a file nor a directory", source)
	}
	return map[string]found{path.Clean(to): {name, resolved, info.Size()}}, nil
}

var everything = []glob{{text: "**"}, {text: "*", matcher: regexp.MustCompile(`(?s)\A.+\z`)}}

// below returns all files below the directory name at paths below to.
func (p *packer) below(name, to string, excluded []*regexp.Regexp) (map[string]found, error) {
	list, err := p.root.glob(name, everything)
	if errors.Is(err, errOutside) {
		return nil, outside(name, err)
	}
	files := make(map[string]found)
	for _, f := range list {
		if excludes(excluded, f.name) {
			continue
		}
		rel := f.name
		if name != "." {
			rel = strings.TrimPrefix(f.name, name+"/")
		}
		files[path.Join(to, rel)] = f
	}
	return files, err
}

// inside returns name cleaned and relative to the app's directory, by its text
// alone.
func (p *packer) inside(name string) (string, error) {
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(p.manifest.Root, name)
		if err != nil {
			return "", errOutside
		}
		name = filepath.ToSlash(rel)
	}
	if name = path.Clean(name); !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", errOutside
	}
	return name, nil
}

// outside says that a pattern, or what err says it leads to, is outside.
func outside(pattern string, err error) error {
	what := "it"
	if link, ok := strings.CutSuffix(err.Error(), " "+errOutside.Error()); ok {
		what = link
	}
	return fmt.Errorf("%s cannot be mapped because %s %w: files must be within the application directory", pattern, what, errOutside)
}

func excludes(patterns []*regexp.Regexp, name string) bool {
	return slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return re.MatchString(name) })
}
