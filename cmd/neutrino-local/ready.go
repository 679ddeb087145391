package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// A server that is ready says so in a ready file, if asked to, and in its
// locator: the file "server.json" of the state directory, by which the other
// verbs find it.
const locatorName = "server.json"

const maxReadyFile = 64 << 10

// writeReady writes what under a temporary name and renames it.
func writeReady(path string, what apitype.Server) (err error) {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// readReady reads a ready file or a locator. An error of kind fs.ErrNotExist
// says that there is none.
func readReady(path string) (apitype.Server, error) {
	var s apitype.Server
	f, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxReadyFile))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.Schema != 1 {
		return s, fmt.Errorf("%s: schema %d, want 1", path, s.Schema)
	}
	return s, nil
}

// claimLocator writes the locator at path unless a live server's is there. It
// reports whether it did.
func claimLocator(path string, what apitype.Server) (bool, error) {
	if other, err := readReady(path); err == nil && other.PID != what.PID && processLives(other.PID) {
		return false, nil
	}
	return true, writeReady(path, what)
}

// removeReady removes the file at path if it is this server's.
func removeReady(path string, pid int) error {
	s, err := readReady(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && s.PID != pid {
		return nil
	}
	return os.Remove(path)
}
