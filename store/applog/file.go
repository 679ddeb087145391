package applog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const suffix = ".jsonl"

func (a *appLog) file(n int) string {
	return filepath.Join(a.dir, fmt.Sprintf("%08d%s", n, suffix))
}

// files returns the numbers of the app's files in their order.
func (a *appLog) files() ([]int, error) {
	entries, err := os.ReadDir(a.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("logs of app %s: %w", a.id, err)
	}
	var all []int
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.Atoi(name); ok && err == nil && n > 0 && e.Type().IsRegular() {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// load finds where the log was left. What it cannot read, write and tail will
// complain of.
func (a *appLog) load() {
	a.io.Lock()
	defer a.io.Unlock()
	a.active = 1
	numbers, err := a.files()
	if err != nil || len(numbers) == 0 {
		return
	}
	a.active = numbers[len(numbers)-1]
	a.torn = true // unless it turns out to be whole
	for i := len(numbers) - 1; i >= 0; i-- {
		f, err := os.Open(a.file(numbers[i]))
		if err != nil {
			return
		}
		size, line := lastLine(f)
		if i == len(numbers)-1 {
			last := []byte{'\n'}
			_, err := f.ReadAt(last, max(size-1, 0))
			a.torn = size > 0 && (err != nil || last[0] != '\n')
		}
		f.Close()
		if line.Sequence > 0 {
			a.mu.Lock()
			a.seq, a.revision = line.Sequence, line.Revision
			a.mu.Unlock()
			a.written = line.Sequence
			return
		}
	}
}

// lastLine returns the size of f and its last line, zero if it has none.
func lastLine(f *os.File) (int64, Line) {
	info, err := f.Stat()
	if err != nil {
		return 0, Line{}
	}
	for b, err := range backwards(f, info.Size()) {
		if err != nil {
			break
		}
		if line, ok := decode(b); ok {
			return info.Size(), line
		}
	}
	return info.Size(), Line{}
}

// write appends whole lines to the active file, and goes on to the next when
// that is full. After an error it returns what is not in a file. The caller
// holds io.
func (a *appLog) write(lines []byte) (rest []byte, err error) {
	for len(lines) > 0 {
		n, err := a.writeSome(lines)
		lines = lines[n:]
		if err != nil {
			return lines, fmt.Errorf("logs of app %s: %w", a.id, err)
		}
	}
	return nil, nil
}

// writeSome writes as many lines as the active file has room for, and returns
// how many bytes of them are there for good: whole lines.
func (a *appLog) writeSome(lines []byte) (int, error) {
	f, err := a.openActive()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	size := info.Size()
	room := a.logs.limits.FileSize - size
	n := len(lines)
	if int64(n) > room {
		n = bytes.LastIndexByte(lines[:max(room, 0)], '\n') + 1
	}
	switch {
	case n == 0 && size > 0:
		return 0, a.rotate()
	case n == 0: // a single line that is longer than a file
		n = bytes.IndexByte(lines, '\n') + 1
	}
	if a.torn { // what is there of the last line is its own line, and no JSON
		if _, err := f.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
		a.torn = false
	}
	written, err := f.Write(lines[:n])
	whole := bytes.LastIndexByte(lines[:written], '\n') + 1
	a.torn = whole < written
	return whole, err
}

func (a *appLog) openActive() (*os.File, error) {
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE
	f, err := os.OpenFile(a.file(a.active), flags, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.Mkdir(a.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		f, err = os.OpenFile(a.file(a.active), flags, 0o600)
	}
	return f, err
}

// rotate begins the next file and removes the oldest.
func (a *appLog) rotate() error {
	numbers, err := a.files()
	if err != nil {
		return err
	}
	a.active++
	a.torn = false
	for len(numbers) > a.logs.limits.Files-1 {
		if err := os.Remove(a.file(numbers[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		numbers = numbers[1:]
	}
	return nil
}
