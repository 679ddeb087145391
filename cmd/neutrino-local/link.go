package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"github.com/neutrino-local/neutrino-local/store"
)

// A link ties a workspace, the folder of a spin.toml, to an app on a server. It
// is the file .neutrino/config.toml. The cloud's own .spin-aka is never touched.
type link struct {
	Application linkedApp    `toml:"application"`
	Server      linkedServer `toml:"server"`
}

type linkedApp struct {
	ID      string `toml:"id"`
	Name    string `toml:"name"`
	Account string `toml:"account"`
}

type linkedServer struct {
	URL string `toml:"url"`
}

const maxLinkFile = 64 << 10

func linkPath(workspace string) string { return filepath.Join(workspace, ".neutrino", "config.toml") }

// readLink returns the link of a workspace, or nil if there is none.
func readLink(workspace string) (*link, error) {
	path := linkPath(workspace)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLinkFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var l link
	if err := toml.Unmarshal(text, &l); err != nil {
		return nil, relink(fmt.Errorf("%s: %w", path, tomlError(err)))
	}
	if !store.IsAppID(l.Application.ID) {
		return nil, relink(fmt.Errorf("%s: application.id %.40q is not a UUID", path, l.Application.ID))
	}
	return &l, nil
}

// tomlError adds the place to an error of the TOML decoder.
func tomlError(err error) error {
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		line, column := d.Position()
		return fmt.Errorf("%d:%d: %w", line, column, err)
	}
	return err
}

func relink(err error) error {
	return store.Hint(err, "run 'neutrino-local app link --app-name NAME', or 'neutrino-local app unlink' to start anew")
}

// writeLink writes the link under a temporary name and renames it.
func writeLink(workspace string, l link) error {
	text, err := toml.Marshal(l)
	if err != nil {
		return err
	}
	path := linkPath(workspace)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*.toml")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// removeLink removes the link, and the folder if nothing else is in it. It
// reports whether there was one.
func removeLink(workspace string) (bool, error) {
	path := linkPath(workspace)
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	os.Remove(filepath.Dir(path)) // fails if it is not empty, which is fine
	return err == nil, err
}
