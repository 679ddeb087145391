package wagi

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component"
)

func newPreview1(t testing.TB) *Preview1 {
	t.Helper()
	p, err := NewPreview1(t.Context(), component.NewLinker())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(t.Context()) })
	return p
}

// TestSystemSeesMemory has a guest whose memory grows.
func TestSystemSeesMemory(t *testing.T) {
	p, guest := newPreview1(t), newMemory(t).Memory()
	s, err := p.newSystem(&Invocation{Arguments: []string{"one", "two"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const page = 1 << 16
	for size := uint32(page); size <= 4*page; size += page {
		s.enter(t.Context(), guest)
		if got := s.module.Memory().Size(); got != size {
			t.Errorf("the system sees %d bytes, the guest has %d", got, size)
		}
		pointers, text := size-100, size-50
		stack := []uint64{uint64(pointers), uint64(text)}
		p.functions["args_get"](t.Context(), s, stack)
		if got, _ := guest.Read(text, 8); stack[0] != 0 || !bytes.Equal(got, []byte("one\x00two\x00")) {
			t.Errorf("args_get = %d, and the guest has %q", stack[0], got)
		}
		guest.Grow(1)
	}
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
	if size := guest.Size(); size != 5*page {
		t.Errorf("the guest has %d bytes when its system is closed", size)
	}
}

// BenchmarkSystem is what a request costs that an instance of its own would have
// cost.
func BenchmarkSystem(b *testing.B) {
	p := newPreview1(b)
	i := &Invocation{Arguments: []string{"/", ""}, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
	b.ReportAllocs()
	for b.Loop() {
		s, err := p.newSystem(i, nil)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
