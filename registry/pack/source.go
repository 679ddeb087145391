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
// report, and nil is returned. Unlike files, a source may be anywhere: builds put
// it into the target directory of a workspace around the app.
func (p *packer) source(ctx context.Context, c *Component) *content {
	offset := c.Source.offset
	path := c.Source.Path
	switch {
	case c.Source.Package != "":
		p.report.errorf(offset, "source of component %q: packages of a registry are not built yet; download %s and name the file", c.ID, c.Source.Package)
		return nil
	case c.Source.URL != "":
		var err error
		if path, err = p.download(ctx, c.Source); err != nil {
			p.report.errorf(offset, "source of component %q: %v", c.ID, err)
			return nil
		}
	case !filepath.IsAbs(path):
		path = filepath.Join(p.manifest.Root, filepath.FromSlash(path))
	}
	if have := p.contents[path]; have != nil {
		return have
	}
	size, err := checkWasm(path)
	if errors.Is(err, errNotWasm) {
		p.report.errorf(offset, "Component %s source is not a valid .wasm file: %s %v", c.ID, c.Source, err)
		return nil
	}
	if err != nil {
		p.report.errorf(offset, "source of component %q: %s", c.ID, explain(err, c))
		return nil
	}
	content := &content{
		name: c.Source.String(), owner: c.ID, media: artifact.WasmType, size: size, path: path,
		file: func() (*os.File, error) { return os.Open(path) },
	}
	p.contents[path] = content
	return content
}

func (s Source) String() string {
	switch {
	case s.URL != "":
		return s.URL
	case s.Package != "":
		return s.Package + "@" + s.Version
	}
	return s.Path
}

// explain words what is wrong with a source, with what to do about it.
func explain(err error, c *Component) string {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text := fmt.Sprintf("there is no file %s", c.Source)
		if c.Build != nil && len(c.Build.Commands) > 0 {
			text += fmt.Sprintf("; build it with --build (%s)", strings.Join(c.Build.Commands, " && "))
		}
		return text
	case errors.As(err, &pathErr):
		return fmt.Sprintf("%s: %v", c.Source, pathErr.Err)
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
		file: func() (*os.File, error) { return p.root.open(f.resolved) },
	}
	p.contents[key] = c
	return c
}
