package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// source returns the wasm binary of a component. What is wrong goes to the
// report, and nil is returned.
func (p *packer) source(ctx context.Context, c *Component) *content {
	if p.damaged && c.Source.Path == "" {
		return nil
	}
	content, err := p.binary(ctx, c.Source, c.ID)
	switch {
	case errors.Is(err, errNotWasm):
		p.report.errorf(c.Source.offset, "Component %s source is not a valid .wasm file: %s %v", c.ID, c.Source, err)
	case err != nil:
		p.report.errorf(c.Source.offset, "source of component %q: %s", c.ID, explain(err, c.Source, c.Build))
	}
	return content
}

// binary returns the wasm binary of a source. Unlike files, it may be anywhere:
// builds put it into the target directory of a workspace around the app.
func (p *packer) binary(ctx context.Context, s Source, owner string) (_ *content, err error) {
	path := s.Path
	switch {
	case s.Package != "":
		path, err = p.fetchPackage(ctx, s)
	case s.URL != "":
		path, err = p.download(ctx, s)
	case !filepath.IsAbs(path):
		path = filepath.Join(p.manifest.Root, filepath.FromSlash(path))
	}
	if err != nil {
		return nil, err
	}
	if have := p.contents[path]; have != nil {
		return have, nil
	}
	size, err := checkWasm(path)
	if err != nil {
		return nil, err
	}
	c := &content{
		name: s.String(), owner: owner, media: artifact.WasmType, size: size, path: path,
		file: func() (io.ReadCloser, error) { return os.Open(path) },
	}
	p.contents[path] = c
	return c, nil
}

// A packedDependency is a dependency whose binary is at hand.
type packedDependency struct {
	*Dependency
	content *content
}

// dependencies returns the binaries of dependencies, in the order of their names
// as the lock has them. What is wrong goes to the report.
func (p *packer) dependencies(ctx context.Context, list []Dependency, owner string) []packedDependency {
	var all []packedDependency
	for i := range list {
		d := &list[i]
		if p.damaged && d.Source.Path == "" {
			continue
		}
		what := fmt.Sprintf("dependency %q of component %q", d.Name, owner)
		if d.Name == "" {
			what = fmt.Sprintf("middleware of %s", owner)
		}
		content, err := p.binary(ctx, d.Source, owner)
		switch {
		case errors.Is(err, errNotWasm):
			p.report.errorf(d.Source.offset, "%s is not a valid .wasm file: %s %v", what, d.Source, err)
		case err != nil:
			p.report.errorf(d.Source.offset, "%s: %s", what, explain(err, d.Source, nil))
		default:
			all = append(all, packedDependency{d, content})
		}
	}
	return all
}

// locked returns what the lock has of a dependency.
func (d packedDependency) locked() (artifact.Dependency, error) {
	locked := artifact.Dependency{
		Source: artifact.Source{ContentType: "application/wasm", Digest: d.content.digest, Inline: d.content.inline},
	}
	if d.Export != "" {
		locked.Export = &d.Export
	}
	var err error
	locked.Inherit, err = d.inherit.json()
	return locked, err
}

func (s Source) String() string {
	switch {
	case s.URL != "":
		return s.URL
	case s.Package != "":
		return s.Package + "@" + strings.TrimPrefix(s.Version, "=")
	}
	return s.Path
}

// explain words what is wrong with a source, with what to do about it.
func explain(err error, s Source, build *Build) string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.Path != "":
		text := fmt.Sprintf("there is no file %s", s)
		if build != nil && len(build.Commands) > 0 {
			text += fmt.Sprintf("; build it with --build (%s)", strings.Join(build.Commands, " && "))
		}
		return text
	case errors.As(err, &pathErr):
		return fmt.Sprintf("%s: %v", s, pathErr.Err)
	}
	return err.Error()
}

var errNotWasm = errors.New("does not begin as one does")

// checkWasm checks that path is a file that begins as a core module or a
// component does, and returns its size.
func checkWasm(path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return 0, err
	case info.IsDir():
		return 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("a directory, not a .wasm file")}
	case !info.Mode().IsRegular():
		return 0, &fs.PathError{Op: "read", Path: path, Err: errors.New("neither a file nor a directory")}
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var head [8]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		return 0, errNotWasm
	}
	switch string(head[:]) {
	case "\x00asm\x01\x00\x00\x00", "\x00asm\x0d\x00\x01\x00": // core module, component
		return info.Size(), nil
	}
	return 0, errNotWasm
}

// file returns the content of a file of the app's directory, once for each.
func (p *packer) file(f found) *content {
	key := "file:" + f.resolved
	if have := p.contents[key]; have != nil {
		return have
	}
	c := &content{
		name: f.name, media: artifact.FileType, size: f.size,
		file: func() (io.ReadCloser, error) { return p.root.open(f.resolved) },
	}
	p.contents[key] = c
	return c
}
