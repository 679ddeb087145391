package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/store"
)

// A stateDir is the one folder that a server keeps everything in. One process
// owns it at a time, by a lock on its file "lock" that ends with the process.
type stateDir struct {
	path      string
	ephemeral bool
	lock      *os.File
	stale     int // pid of a server that ended without stopping; 0 if none
}

const ephemeralPrefix = "neutrino-local-"

var errOwned = errors.New("owned by another process")

func defaultStateDir() string {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "neutrino-local", "default")
}

// cacheDir is where compiled code is kept, or "" where there is no such place.
func cacheDir() string {
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "neutrino-local", "code")
}

// openState makes the directory if need be, checks that it can be written, and
// locks it.
func openState(path string) (*stateDir, error) {
	if path == "" {
		return nil, usagef("no place to keep state: set HOME or give --state-dir or --ephemeral")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{path, filepath.Join(path, "blobs"), filepath.Join(path, "logs")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("state directory: %w", err)
		}
	}
	return lockState(&stateDir{path: path})
}

// openEphemeral makes a private directory that goes when the server ends. Those
// that dead servers have left are removed first.
func openEphemeral() (*stateDir, error) {
	base := memoryDir()
	removeDead(base)
	path, err := os.MkdirTemp(base, ephemeralPrefix)
	if err != nil {
		return nil, fmt.Errorf("ephemeral state: %w", err)
	}
	s, err := openState(path)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	s.ephemeral = true
	return s, nil
}

func lockState(s *stateDir) (*stateDir, error) {
	name := filepath.Join(s.path, "lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state directory %s: %w", s.path, err)
	}
	owner := readPID(f)
	if err := lockFile(f); err != nil {
		f.Close()
		if !errors.Is(err, errOwned) {
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
		err = fmt.Errorf("state directory %s is %w (pid %d)", s.path, err, owner)
		return nil, store.Hint(err, "stop it with 'neutrino-local stop', or give another --state-dir or --ephemeral")
	}
	s.lock, s.stale = f, owner
	if err := writePID(f, os.Getpid()); err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", s.path, err), f.Close())
	}
	return s, nil
}

// close gives the directory up: an ephemeral one is removed.
func (s *stateDir) close() error {
	err := writePID(s.lock, 0)
	if s.ephemeral {
		err = os.RemoveAll(s.path)
	}
	return errors.Join(err, s.lock.Close())
}

func (s *stateDir) mode() string {
	if s.ephemeral {
		return "memory"
	}
	return "dir"
}

func (s *stateDir) file(name string) string { return filepath.Join(s.path, name) }

// readPID returns the pid in the lock file, or 0.
func readPID(f *os.File) int {
	var b [20]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		return 0
	}
	return pid
}

func writePID(f *os.File, pid int) error {
	text := ""
	if pid != 0 {
		text = strconv.Itoa(pid) + "\n"
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// removeDead removes the ephemeral directories below base whose server is gone:
// those whose lock can be had. Others' directories cannot be opened at all.
func removeDead(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, ephemeralPrefix+"*"))
	for _, dir := range dirs {
		f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if readPID(f) != 0 && lockFile(f) == nil { // without a pid it is only just being made
			os.RemoveAll(dir)
		}
		f.Close()
	}
}
