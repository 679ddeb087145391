package registry

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
)

// A wire is a client that writes its requests byte by byte, as Spin's pushes
// them, and can be broken off anywhere.
type wire struct {
	f    *fixture
	conn net.Conn
	in   *bufio.Reader
}

func (f *fixture) dial() *wire {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	return &wire{f, conn, bufio.NewReader(conn)}
}

// send writes a request with the first n bytes of its body.
func (w *wire) send(method, path string, body []byte, n int, head ...string) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nhost: %s\r\naccept: */*\r\n", method, path, strings.TrimPrefix(w.f.url, "http://"))
	for _, h := range head {
		b.WriteString(h + "\r\n")
	}
	fmt.Fprintf(&b, "content-length: %d\r\n\r\n", len(body))
	b.Write(body[:n])
	_, err := w.conn.Write(b.Bytes())
	return err
}

func (w *wire) reply() (*http.Response, error) {
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp, err
}

// round sends a request and checks that the status is exactly the one that Spin
// goes on with.
func (w *wire) round(status int, method, path string, body []byte, head ...string) (location string, err error) {
	if err := w.send(method, path, body, len(body), head...); err != nil {
		return "", err
	}
	resp, err := w.reply()
	if err != nil {
		return "", err
	}
	if location = resp.Header.Get("Location"); resp.StatusCode != status || location == "" {
		return "", fmt.Errorf("%s %s = %d, Location %q, want %d", method, path, resp.StatusCode, location, status)
	}
	return location, nil
}

const spinChunk = 4096 // Spin's are 4 MiB; the sequence is the same

// spinPush is what Spin does for one blob.
func spinPush(f *fixture, repository string, content []byte) error {
	w := f.dial()
	defer w.conn.Close()
	at, err := w.round(202, "POST", "/v2/"+repository+"/blobs/uploads/", nil)
	for i := 0; i < len(content) && err == nil; i += spinChunk {
		part := content[i:min(i+spinChunk, len(content))]
		at, err = w.round(202, "PATCH", at, part, "content-type: application/octet-stream",
			fmt.Sprintf("content-range: %d-%d", i, i+len(part)-1))
	}
	if err != nil {
		return err
	}
	_, err = w.round(201, "PUT", at+"?digest="+string(artifact.SHA256(content)), nil)
	return err
}

// spinApp returns the blobs of a small app: layers, the lock, the config; and
// its manifest, without a media type, as Spin writes it.
func spinApp(t testing.TB, layers [][]byte) (blobs [][]byte, manifest []byte) {
	lock := []byte(`{"spin_lock_version":0,"triggers":[],"components":[]}`)
	config := []byte(`{"architecture":"wasm","os":"Wasip1"}`)
	m := artifact.Manifest{SchemaVersion: 2, Config: describe(artifact.ConfigType, config)}
	for _, l := range layers {
		m.Layers = append(m.Layers, describe(artifact.FileType, l))
	}
	m.Layers = append(m.Layers, describe(artifact.LockType, lock))
	return append(append([][]byte{}, layers...), lock, config), encode(t, m)
}

func TestSpinPushesAndPulls(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		layers := [][]byte{{}}
		for i := range 40 {
			layers = append(layers, content(uint64(i), 700*i+1))
		}
		blobs, manifest := spinApp(t, layers)
		parallel(16, len(blobs), func(i int) {
			if err := spinPush(f, "local/hello", blobs[i]); err != nil {
				t.Error(err)
			}
		})
		got := f.want(201, "PUT", "/v2/local/hello/manifests/1", manifest, "Content-Type", artifact.ManifestType)
		if l := got.Header.Get("Location"); !strings.HasSuffix(l, "/manifests/"+string(artifact.SHA256(manifest))) {
			t.Errorf("Location = %q, want the digest at its end", l)
		}
		if got := f.want(200, "GET", "/v2/local/hello/manifests/1", nil); !bytes.Equal(got.body, manifest) {
			t.Error("the manifest differs")
		}
		parallel(16, len(blobs), func(i int) {
			got := f.do("GET", blobPath("local/hello", artifact.SHA256(blobs[i])), nil, "Range", "bytes=0-")
			if len(blobs[i]) > 0 && (got.StatusCode != 206 || !bytes.Equal(got.body, blobs[i])) {
				t.Errorf("blob %d: %d, %d bytes, want 206, %d", i, got.StatusCode, len(got.body), len(blobs[i]))
			}
		})
		f.checkNoUploads()
	})
}

// parallel calls f with 0 to n-1, some at once.
func parallel(some, n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range some {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// TestSpinIsBrokenOffAndResumed breaks a push off at every step: after its n-th
// request was sent in part, or whole but without waiting for the reply. The rest
// is pushed by asking for the status, or anew if there is no upload to ask for.
func TestSpinIsBrokenOffAndResumed(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		const steps = 5 // POST, three PATCHes, PUT
		parallel(16, steps*4, func(i int) {
			c := blobtest.Bytes(uint64(i), 3*spinChunk-100)
			b := breaker{f: f, repository: "local/broken", content: c, step: i / 4, part: i % 4}
			if err := b.run(); err != nil {
				t.Errorf("step %d, part %d: %v", b.step, b.part, err)
				return
			}
			if got := f.do("GET", blobPath(b.repository, artifact.SHA256(c)), nil); !bytes.Equal(got.body, c) {
				t.Errorf("step %d, part %d: %d, %d bytes, want %d", b.step, b.part, got.StatusCode, len(got.body), len(c))
			}
		})
		if err := f.uploads.cancelAll(); err != nil { // those whose Location was lost
			t.Error(err)
		}
	})
}

type breaker struct {
	f          *fixture
	repository string
	content    []byte
	step, part int // where to break off: 0 nothing of the body, 1 a part, 2 all, 3 after the reply
}

func (b *breaker) run() error {
	at, err := b.attempt()
	if err != nil {
		return err
	}
	if at == "" {
		return spinPush(b.f, b.repository, b.content)
	}
	return b.resume(at)
}

// attempt pushes until it breaks off, and returns the place it knows of.
func (b *breaker) attempt() (at string, err error) {
	w := b.f.dial()
	defer w.conn.Close()
	for step := 0; ; step++ {
		method, path, body, head := b.request(step, at)
		if step < b.step {
			if at, err = w.round(202, method, path, body, head...); err != nil {
				return "", err
			}
			continue
		}
		if b.part == 3 {
			_, err := w.round(map[bool]int{true: 201, false: 202}[method == "PUT"], method, path, body, head...)
			return at, err
		}
		return at, w.send(method, path, body, len(body)*b.part/2, head...)
	}
}

func (b *breaker) request(step int, at string) (method, path string, body []byte, head []string) {
	switch first := (step - 1) * spinChunk; {
	case step == 0:
		return "POST", "/v2/" + b.repository + "/blobs/uploads/", nil, nil
	case first < len(b.content):
		body = b.content[first:min(first+spinChunk, len(b.content))]
		return "PATCH", at, body, []string{fmt.Sprintf("content-range: %d-%d", first, first+len(body)-1)}
	}
	return "PUT", at + "?digest=" + string(artifact.SHA256(b.content)), nil, nil
}

// resume goes on with an upload where the server says that it is, until the
// server agrees: the broken request may still be arriving.
func (b *breaker) resume(at string) error {
	digest := artifact.SHA256(b.content)
	for range 100 {
		status := b.f.do("GET", at, nil)
		if status.StatusCode == 404 { // it has ended: the last request went through
			if b.f.do("HEAD", blobPath(b.repository, digest), nil).StatusCode == 200 {
				return nil
			}
			continue // or it is just ending
		}
		_, last, _ := strings.Cut(status.Header.Get("Range"), "-")
		first := int(number(last)) + 1
		if first == 1 {
			first = 0 // nothing yet, or one byte; the server will tell
		}
		var head []string
		if first < len(b.content) {
			head = []string{"Content-Range", fmt.Sprintf("%d-%d", first, len(b.content)-1)}
		}
		got := b.f.do("PUT", at+"?digest="+string(digest), bytes.NewReader(b.content[first:]), head...)
		if got.StatusCode == 201 {
			return nil
		}
		if got.StatusCode != 416 && got.StatusCode != 404 {
			return fmt.Errorf("PUT from %d = %d %s", first, got.StatusCode, got.body)
		}
	}
	return fmt.Errorf("no agreement on where to go on")
}
