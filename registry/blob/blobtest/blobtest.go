// Package blobtest has the contract that every blob.Store keeps.
package blobtest

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store"
)

// Run checks the stores that open returns, each of them empty.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	tests := []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"content comes back whole and in parts", testContent},
		{"an upload broken off goes on where it was", testResume},
		{"a digest that lies leaves nothing", testLie},
		{"cancel leaves nothing", testCancel},
		{"the same content twice is kept once", testTwice},
		{"deleted content is gone, and an open file is not", testDelete},
		{"what is not there is not found", testNotFound},
		{"an upload reads back while it is under way", testReadBack},
		{"many at once", testHammer},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			tt.test(t, s)
		})
	}
}

// Bytes returns n bytes that depend on seed only.
func Bytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(b)
	return b
}

// SHA512 returns the digest of b.
func SHA512(b []byte) artifact.Digest {
	sum := sha512.Sum512(b)
	return artifact.Digest("sha512:" + hex.EncodeToString(sum[:]))
}

// Put adds content.
func Put(t testing.TB, s blob.Store, content []byte) artifact.Digest {
	t.Helper()
	d := artifact.SHA256(content)
	u, err := s.Create()
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if _, err := u.Append(bytes.NewReader(content)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	if err := u.Commit(d); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	return d
}

// Digests returns what s has, in order.
func Digests(t testing.TB, s blob.Store) []artifact.Digest {
	t.Helper()
	var all []artifact.Digest
	for d, err := range s.All() {
		if err != nil {
			t.Fatalf("All: %v", err)
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all
}

func testContent(t *testing.T, s blob.Store) {
	var used int64
	for _, n := range []int{0, 1, 511, 64 << 10, 256 << 10, 256<<10 + 1, 600<<10 - 7} {
		content := Bytes(uint64(n), n)
		for _, early := range []bool{false, true} {
			for _, d := range []artifact.Digest{artifact.SHA256(content), SHA512(content)} {
				u, err := s.Create()
				if err != nil {
					t.Fatalf("Create: %v", err)
				}
				if early {
					u.Expect(d.Algorithm())
				}
				if got, err := u.Append(bytes.NewReader(content)); got != int64(n) || err != nil {
					t.Fatalf("Append = %d, %v, want %d", got, err, n)
				}
				if err := u.Commit(d); err != nil {
					t.Fatalf("Commit(%s) of %d bytes: %v", d.Algorithm(), n, err)
				}
				checkFile(t, s, d, content)
			}
		}
		used += 2 * int64(n)
	}
	if s.Used() != used {
		t.Errorf("Used() = %d, want %d", s.Used(), used)
	}
}

func checkFile(t *testing.T, s blob.Store, d artifact.Digest, content []byte) {
	t.Helper()
	if size, err := s.Stat(d); size != int64(len(content)) || err != nil {
		t.Errorf("Stat = %d, %v, want %d", size, err, len(content))
	}
	f, err := s.Open(d)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer f.Close()
	if f.Size() != int64(len(content)) {
		t.Errorf("Size() = %d, want %d", f.Size(), len(content))
	}
	if len(content) <= 64<<10 { // it reads the content many times
		if err := iotest.TestReader(f, content); err != nil {
			t.Errorf("reading %d bytes: %v", len(content), err)
		}
		return
	}
	got, err := io.ReadAll(f)
	if !bytes.Equal(got, content) || err != nil {
		t.Errorf("read %d bytes, %v, want %d", len(got), err, len(content))
	}
	middle := make([]byte, len(content)/2)
	if _, err := f.ReadAt(middle, 999); err != nil || !bytes.Equal(middle, content[999:999+len(middle)]) {
		t.Errorf("ReadAt: %v, or other bytes", err)
	}
}

func testResume(t *testing.T, s blob.Store) {
	content := Bytes(1, 700<<10)
	u, err := s.Create()
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	broken := errors.New("connection reset")
	at := 0
	for _, next := range []int{1, 100 << 10, 300 << 10} {
		r := io.MultiReader(bytes.NewReader(content[at:next]), iotest.ErrReader(broken))
		if n, err := u.Append(r); n != int64(next-at) || !errors.Is(err, broken) {
			t.Fatalf("Append = %d, %v, want %d, %v", n, err, next-at, broken)
		}
		if at = next; u.Size() != int64(at) {
			t.Fatalf("Size() = %d, want %d", u.Size(), at)
		}
	}
	if _, err := u.Append(iotest.HalfReader(bytes.NewReader(content[at:]))); err != nil {
		t.Fatalf("Append of the rest: %v", err)
	}
	if err := u.Commit(SHA512(content)); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	checkFile(t, s, SHA512(content), content)
}

func testLie(t *testing.T, s blob.Store) {
	for _, d := range []artifact.Digest{artifact.SHA256([]byte("a")), SHA512([]byte("a"))} {
		u, err := s.Create()
		if err != nil {
			t.Fatalf("Create: %v", err)
		}
		if _, err := u.Append(strings.NewReader("b")); err != nil {
			t.Fatalf("Append: %v", err)
		}
		if err := u.Commit(d); !errors.Is(err, blob.ErrDigest) {
			t.Errorf("Commit(%s) = %v, want %v", d, err, blob.ErrDigest)
		}
		if _, err := u.Append(strings.NewReader("c")); err == nil {
			t.Error("Append after Commit: no error")
		}
	}
	checkEmpty(t, s)
}

func testCancel(t *testing.T, s blob.Store) {
	for range 2 {
		u, err := s.Create()
		if err != nil {
			t.Fatalf("Create: %v", err)
		}
		if _, err := u.Append(bytes.NewReader(Bytes(2, 1<<20))); err != nil {
			t.Fatalf("Append: %v", err)
		}
		for range 2 {
			if err := u.Cancel(); err != nil {
				t.Errorf("Cancel: %v", err)
			}
		}
		if err := u.Commit(artifact.SHA256(Bytes(2, 1<<20))); err == nil {
			t.Error("Commit after Cancel: no error")
		}
	}
	checkEmpty(t, s)
}

func checkEmpty(t *testing.T, s blob.Store) {
	t.Helper()
	if all := Digests(t, s); len(all) != 0 || s.Used() != 0 {
		t.Errorf("the store has %v, %d bytes, want nothing", all, s.Used())
	}
}

func testTwice(t *testing.T, s blob.Store) {
	content := Bytes(3, 5000)
	d := Put(t, s, content)
	Put(t, s, content)
	if got := Digests(t, s); !slices.Equal(got, []artifact.Digest{d}) || s.Used() != 5000 {
		t.Errorf("the store has %v, %d bytes, want %s, 5000 bytes", got, s.Used(), d)
	}
}

func testDelete(t *testing.T, s blob.Store) {
	content := Bytes(4, 100<<10)
	d := Put(t, s, content)
	f, err := s.Open(d)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer f.Close()
	if err := s.Delete(d); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if got, err := io.ReadAll(f); !bytes.Equal(got, content) || err != nil {
		t.Errorf("a file opened before Delete has %d bytes, %v, want %d", len(got), err, len(content))
	}
	checkEmpty(t, s)
	testNotFound(t, s)
	checkFile(t, s, Put(t, s, content), content)
}

func testNotFound(t *testing.T, s blob.Store) {
	d := artifact.SHA256([]byte("nowhere"))
	_, statErr := s.Stat(d)
	_, openErr := s.Open(d)
	for _, err := range []error{statErr, openErr, s.Delete(d)} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v, want %v", err, store.ErrNotFound)
		}
	}
}

func testReadBack(t *testing.T, s blob.Store) {
	content := Bytes(5, 300<<10)
	u, err := s.Create()
	if err != nil {
		t.Fatalf("Create: %v", err)
	}
	if n, err := u.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("ReadAt of nothing = %d, %v, want 0, %v", n, err, io.EOF)
	}
	if _, err := u.Append(bytes.NewReader(content)); err != nil {
		t.Fatalf("Append: %v", err)
	}
	got, err := io.ReadAll(io.NewSectionReader(u, 1000, u.Size()-1000))
	if !bytes.Equal(got, content[1000:]) || err != nil {
		t.Errorf("read back %d bytes, %v, want %d", len(got), err, len(content)-1000)
	}
	if err := u.Cancel(); err != nil {
		t.Errorf("Cancel: %v", err)
	}
}

// testHammer puts, reads and deletes the same few contents from many sides: what
// is read must always be whole.
func testHammer(t *testing.T, s blob.Store) {
	const contents = 8
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 60 {
				content := Bytes(uint64((i*7+worker)%contents), 20_000)
				d := Put(t, s, content)
				if err := readWhole(s, d, content); err != nil {
					t.Error(err)
					return
				}
				if err := s.Delete(d); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Delete: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, d := range Digests(t, s) {
		if err := s.Delete(d); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	checkEmpty(t, s)
}

func readWhole(s blob.Store, d artifact.Digest, content []byte) error {
	f, err := s.Open(d)
	if errors.Is(err, store.ErrNotFound) {
		return nil // another worker deleted it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if !bytes.Equal(got, content) {
		return fmt.Errorf("read %d bytes, %v, want the %d that were put", len(got), err, len(content))
	}
	return err
}
