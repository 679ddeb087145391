package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// streamMemory is what a server that streams may occupy at most, in MiB. It is
// much for a server and little for what is streamed.
const streamMemory = 256

// TestStreams sends 1 GiB through guests: to one, from one, and both at once. All
// of it arrives, and the server does not keep it.
func TestStreams(t *testing.T) {
	size := full(t, 1024, 32) << 20
	for _, guest := range []string{components.CPlusPlus, components.RustHTTP} { // one splices, one reads and writes
		t.Run(guest, func(t *testing.T) {
			s := newServer(t)
			s.start("--profile", "spin", "--ephemeral", "--failover", "instant")
			s.must(s.client("deploy", "--no-confirm", "--create-name", guest, "--wait", "live", "-f", s.component(guest, components.Build(t, guest))))
			a := newAsker(t, s, toolchain{name: guest})
			a.client.Timeout = 0
			t.Run("to it", func(t *testing.T) { a.streamsTo(t, size) })
			t.Run("from it", func(t *testing.T) { a.streamsFrom(t, size) })
			t.Run("both", func(t *testing.T) { a.streamsBoth(t, size) })
			if runtime.GOOS == "linux" {
				peak := s.occupies("VmHWM")
				t.Logf("the server occupied %.0f MiB at most", peak)
				if peak > streamMemory {
					t.Errorf("the server occupied %.0f MiB, want %d at most", peak, streamMemory)
				}
			}
			s.stop()
		})
	}
}

// noise is size bytes that are always the same.
func noise(size int) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{7}), int64(size)) }

func (a *asker) streamsTo(t *testing.T, size int) {
	sent := fnv.New64a()
	_, body, err := a.ask(t, "POST", "/drain", io.TeeReader(noise(size), sent))
	if want := fmt.Sprintf("%d bytes, fnv %016x", size, sent.Sum64()); body != want || err != nil {
		t.Errorf("%q, %v; want %q", body, err, want)
	}
}

func (a *asker) streamsFrom(t *testing.T, size int) {
	resp, err := a.send(t.Context(), "GET", fmt.Sprintf("/pages/%d", size/4096), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all := pages(0, 256) // they repeat after that
	got := make([]byte, len(all))
	for at := 0; at < size; at += len(got) {
		if _, err := io.ReadFull(resp.Body, got); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("the pages from %d are others, or %v", at/4096, err)
		}
	}
	if n, err := io.Copy(io.Discard, resp.Body); n > 0 || err != nil {
		t.Errorf("then came %d bytes, %v", n, err)
	}
}

func (a *asker) streamsBoth(t *testing.T, size int) {
	sent, came := sha256.New(), sha256.New()
	resp, err := a.send(t.Context(), "POST", "/echo", io.TeeReader(noise(size), sent))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(came, resp.Body)
	if err != nil || n != int64(size) || !bytes.Equal(sent.Sum(nil), came.Sum(nil)) {
		t.Errorf("%d of %d bytes came, or others: %v", n, size, err)
	}
}
