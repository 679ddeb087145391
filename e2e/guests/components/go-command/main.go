//go:build wasip1

// Command go-command is a program of preview 1 that the adapter makes a command
// of 0.2: it does what its first argument says.
//
// It is a reactor whose run is the program: the adapter for commands allocates
// before it calls _start, when Go's memory is not there yet.
package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// realloc is what the adapter takes its memory from, once, while the runtime
// starts: if it grew the memory itself, the runtime would take those pages for
// its own.
//
//go:wasmexport cabi_realloc
func realloc(_ unsafe.Pointer, _, align, size uint32) uint32 {
	return (uint32(uintptr(sbrk(uintptr(size+align)))) + align - 1) &^ (align - 1)
}

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

func main() {}

//go:wasmexport wasi:cli/run@0.2.0#run
func command() (failed uint32) {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func run(args []string) error {
	if len(args) == 0 {
		_, err := fmt.Println("Hello from Go")
		return err
	}
	switch args[0] {
	case "args":
		for _, a := range args[1:] {
			fmt.Println(a)
		}
	case "env":
		for _, v := range os.Environ() {
			fmt.Println(v)
		}
	case "exit":
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		os.Exit(n)
	case "panic":
		panic("asked for")
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "files":
		for _, f := range []func() error{files, directories, clocks} {
			if err := f(); err != nil {
				return err
			}
		}
	case "stderr":
		fmt.Fprintln(os.Stderr, "to stderr")
	case "read":
		content, err := os.ReadFile(args[1])
		os.Stdout.Write(content)
		return err
	}
	return nil
}

func files() error {
	f, err := os.OpenFile("a.txt", os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteString("hello world"); err != nil {
		return err
	}
	b := make([]byte, 5)
	if _, err := f.ReadAt(b, 6); err != nil || string(b) != "world" {
		return fmt.Errorf("ReadAt: %q, %w", b, err)
	}
	if err := errors.Join(f.Truncate(5), f.Sync()); err != nil {
		return err
	}
	if err := os.Chtimes("a.txt", time.Unix(1000, 0), time.Unix(2000, 7)); err != nil {
		return err
	}
	if info, err := f.Stat(); err != nil || info.Size() != 5 || !info.ModTime().Equal(time.Unix(2000, 7)) {
		return fmt.Errorf("Stat: %+v, %w", info, err)
	}
	if _, err := os.OpenFile("a.txt", os.O_CREATE|os.O_EXCL, 0o666); !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("a second creation: %w", err)
	}
	if _, err := os.Open("none"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open none: %w", err)
	}
	return nil
}

func directories() error {
	if err := errors.Join(os.MkdirAll("d/e/f", 0o777), os.Rename("a.txt", "d/b.txt"), os.Symlink("b.txt", "d/s")); err != nil {
		return err
	}
	if target, err := os.Readlink("d/s"); err != nil || target != "b.txt" {
		return fmt.Errorf("Readlink: %q, %w", target, err)
	}
	var seen []string
	err := filepath.WalkDir("d", func(path string, d fs.DirEntry, err error) error {
		seen = append(seen, fmt.Sprint(path, " ", d.Type()))
		return err
	})
	const want = "d d---------,d/b.txt ----------,d/e d---------,d/e/f d---------,d/s L---------"
	if got := strings.Join(seen, ","); err != nil || got != want {
		return fmt.Errorf("WalkDir: %s, %w", got, err)
	}
	if err := os.Remove("d"); err == nil {
		return errors.New("a directory with files is gone")
	}
	return os.RemoveAll("d")
}

// clocks are those of two kinds and a timer of the runtime.
func clocks() error {
	if now := time.Now(); now.Unix() < 1_700_000_000 {
		return fmt.Errorf("it is %v", now)
	}
	before := time.Now()
	<-time.After(2 * time.Millisecond)
	if took := time.Since(before); took < 2*time.Millisecond {
		return fmt.Errorf("2ms took %v", took)
	}
	a, b := make([]byte, 32), make([]byte, 32)
	rand.Read(a)
	rand.Read(b)
	if bytes.Equal(a, b) {
		return errors.New("random bytes are the same")
	}
	return nil
}
