package registry

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/blob/blobtest"
	"github.com/neutrino-local/neutrino-local/store"
)

func (f *fixture) gc() Freed {
	f.t.Helper()
	freed, err := f.GC(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return freed
}

func TestGCFreesWhatNothingNeeds(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		layer := content(1, 5000)
		raw := f.image("gc/a", layer)
		f.pushManifest("gc/a", "1", raw)
		f.want(201, "POST", "/v2/gc/b/blobs/uploads/?from=gc/a&mount="+string(artifact.SHA256(layer)), nil)
		if freed := f.gc(); freed.Blobs != 0 {
			t.Errorf("freed %+v while the manifest needs all, want nothing", freed)
		}
		f.want(200, "GET", blobPath("gc/b", artifact.SHA256(layer)), nil)
		f.want(202, "DELETE", "/v2/gc/a/manifests/"+string(artifact.SHA256(raw)), nil)
		if freed := f.gc(); freed.Blobs != 3 || freed.Bytes != int64(len(raw)+2+5000) {
			t.Errorf("freed %+v, want the manifest, the config and the layer", freed)
		}
		if all := blobtest.Digests(t, f.blobs); len(all) != 0 {
			t.Errorf("%v are kept, want nothing", all)
		}
		for _, name := range []string{"gc/a", "gc/b"} {
			f.want(404, "GET", "/v2/"+name+"/tags/list", nil)
		}
	}, aged)
}

func TestGCKeepsWhatClientsWereToldOf(t *testing.T) {
	f := newFixture(t, "memory")
	d := f.pushBlob("gc/a", content(1, 100))
	if freed := f.gc(); freed.Blobs != 0 {
		t.Errorf("freed %+v inside the grace period, want nothing", freed)
	}
	f.want(200, "HEAD", blobPath("gc/a", d), nil)
}

// A HEAD tells a pusher that it need not push, so the blob is young again.
func TestHEADRenewsTheGracePeriod(t *testing.T) {
	f := newFixture(t, "memory", aged)
	d := f.pushBlob("gc/a", content(1, 100))
	before, err := f.db.BlobTouched(t.Context(), "gc/a", string(d))
	if err != nil {
		t.Fatal(err)
	}
	f.want(200, "HEAD", blobPath("gc/a", d), nil)
	after, err := f.db.BlobTouched(t.Context(), "gc/a", string(d))
	if err != nil || !after.After(before) {
		t.Errorf("touched %v, %v, want after %v", after, err, before)
	}
}

func TestGCKeepsWhatRevisionsNeed(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		blobs, raw := spinApp(t, [][]byte{content(1, 1000)})
		for _, b := range blobs {
			f.pushBlob("local/hello", b)
		}
		f.pushManifest("local/hello", "1", raw)
		m, got, err := f.Manifest(ctx, "local/hello", "1")
		if err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("Manifest = %d bytes, %v, want %d", len(got), err, len(raw))
		}
		app := store.App{ID: store.NewAppID(), Name: "hello", Account: "local", CreatedAt: time.Now()}
		if err := f.db.CreateApp(ctx, app); err != nil {
			t.Fatal(err)
		}
		rev := store.Revision{App: app.ID, Repository: "local/hello", Digest: m.Digest, Blobs: append(m.Blobs, m.Digest)}
		if _, err := f.db.CreateDeployment(ctx, store.Deployment{ID: "d", App: app.ID, Phase: store.Creating}, &rev); err != nil {
			t.Fatal(err)
		}
		f.want(202, "DELETE", "/v2/local/hello/manifests/"+m.Digest, nil)
		for _, b := range blobs {
			f.want(202, "DELETE", blobPath("local/hello", artifact.SHA256(b)), nil)
		}
		f.gc()
		for _, d := range rev.Blobs {
			file, err := f.OpenBlob(ctx, "", artifact.Digest(d))
			if err != nil {
				t.Fatalf("OpenBlob of what a revision needs: %v", err)
			}
			file.Close()
		}
		if err := f.db.DeleteApp(ctx, app.ID); err != nil {
			t.Fatal(err)
		}
		f.gc()
		if all := blobtest.Digests(t, f.blobs); len(all) != 0 {
			t.Errorf("%v are kept after the app has gone, want nothing", all)
		}
	}, aged)
}

// What a crash leaves between a rename and its link is known to no repository.
func TestGCFreesWhatACrashHasLeft(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		for i := range gcBatch + 10 {
			blobtest.Put(t, f.blobs, fmt.Append(nil, i))
		}
		d := f.pushBlob("gc/a", content(1, 100))
		if freed := f.gc(); freed.Blobs != gcBatch+10 {
			t.Errorf("freed %d, want %d", freed.Blobs, gcBatch+10)
		}
		f.want(200, "GET", blobPath("gc/a", d), nil)
	})
}

// A layer of a sparse image may come after its manifest, and is needed then.
func TestGCKeepsWhatCameLate(t *testing.T) {
	f := newFixture(t, "memory", aged)
	f.pushBlob("gc/a", []byte("{}"))
	late := content(1, 100)
	raw := encode(t, artifact.Manifest{SchemaVersion: 2, MediaType: artifact.ManifestType,
		Config: describe(artifact.ConfigType, []byte("{}")), Layers: []artifact.Descriptor{describe("application/x", late)}})
	f.pushManifest("gc/a", "1", raw)
	d := f.pushBlob("gc/a", late)
	f.gc()
	f.want(200, "GET", blobPath("gc/a", d), nil)
}

// TestHammer pushes, mounts, pulls and deletes the same few blobs from many
// sides while garbage is collected without a pause. What a push was told is kept
// for the grace period, and what a manifest needs for as long as there is one.
func TestHammer(t *testing.T) {
	eachStore(t, func(t *testing.T, f *fixture) {
		const workers, rounds = 6, 12
		done := make(chan struct{})
		var freed atomic.Int64
		var collector sync.WaitGroup
		collector.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-done:
					return
				case <-tick.C:
				}
				n, err := f.GC(context.WithoutCancel(t.Context()))
				if err != nil {
					t.Error(err)
					return
				}
				freed.Add(int64(n.Blobs))
			}
		})
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				h := hammerer{f: f, repository: fmt.Sprintf("hammer/w%d", w), rand: rand.New(rand.NewPCG(1, uint64(w)))}
				for i := range rounds {
					if err := h.round(i); err != nil {
						t.Errorf("%s, round %d: %v", h.repository, i, err)
						return
					}
				}
			})
		}
		wg.Wait()
		close(done)
		collector.Wait()
		t.Logf("freed %d blobs meanwhile", freed.Load())
		f.grace = time.Nanosecond
		f.gc()
		if all := blobtest.Digests(t, f.blobs); len(all) != 0 {
			t.Errorf("%v are kept at the end, want nothing", all)
		}
		f.checkNoUploads()
	}, func(c *Config) { c.Grace = hammerGrace })
}

// hammerGrace is short, so that blobs get old during the test.
const hammerGrace = 200 * time.Millisecond

type hammerer struct {
	f          *fixture
	repository string
	rand       *rand.Rand
}

func (h *hammerer) round(i int) error {
	layers := [][]byte{}
	for range 3 {
		layers = append(layers, blobtest.Bytes(h.rand.Uint64()%12, 3000))
	}
	blobs, raw := spinApp(h.f.t, layers)
	raw = append(raw, bytes.Repeat([]byte(" "), i)...)
	for {
		began := time.Now()
		for _, b := range blobs {
			if err := h.bring(b); err != nil {
				return err
			}
		}
		got := h.f.do("PUT", "/v2/"+h.repository+"/manifests/x", bytes.NewReader(raw))
		if got.StatusCode == 201 {
			break
		}
		// A HEAD renews what is older than half of the grace period.
		if took := time.Since(began); took < hammerGrace/2 {
			return fmt.Errorf("PUT of the manifest after %v = %d %s", took, got.StatusCode, got.body)
		}
	}
	for _, b := range blobs {
		got := h.f.do("GET", blobPath(h.repository, artifact.SHA256(b)), nil)
		if !bytes.Equal(got.body, b) {
			return fmt.Errorf("GET of a layer = %d, %d bytes, want %d", got.StatusCode, len(got.body), len(b))
		}
	}
	got := h.f.do("DELETE", "/v2/"+h.repository+"/manifests/"+string(artifact.SHA256(raw)), nil)
	if got.StatusCode != 202 {
		return fmt.Errorf("DELETE of the manifest = %d %s", got.StatusCode, got.body)
	}
	if h.rand.IntN(3) == 0 {
		h.f.do("DELETE", blobPath(h.repository, artifact.SHA256(blobs[0])), nil)
	}
	return nil
}

// bring makes a blob part of the repository as a client may: it is there, or it
// is mounted, or it is pushed.
func (h *hammerer) bring(b []byte) error {
	d := artifact.SHA256(b)
	if h.rand.IntN(2) == 0 && h.f.do("HEAD", blobPath(h.repository, d), nil).StatusCode == 200 {
		return nil
	}
	at := h.f.do("POST", "/v2/"+h.repository+"/blobs/uploads/?mount="+string(d), nil)
	switch at.StatusCode {
	case 201:
		return nil
	case 202:
	default:
		return fmt.Errorf("POST = %d %s", at.StatusCode, at.body)
	}
	got := h.f.do("PUT", at.Header.Get("Location")+"?digest="+string(d), bytes.NewReader(b))
	if got.StatusCode != 201 {
		return fmt.Errorf("PUT = %d %s", got.StatusCode, got.body)
	}
	return nil
}

func TestLocalAPI(t *testing.T) {
	f := newFixture(t, "disk")
	ctx := t.Context()
	raw := f.image("local/x", content(1, 100))
	f.pushManifest("local/x", "v1", raw)
	d := artifact.SHA256(raw)
	if _, got, err := f.Manifest(ctx, "local/x", string(d)); !bytes.Equal(got, raw) || err != nil {
		t.Errorf("Manifest by digest = %d bytes, %v", len(got), err)
	}
	if _, err := f.OpenBlob(ctx, "local/y", artifact.SHA256(content(1, 100))); err == nil {
		t.Error("OpenBlob of another repository's blob: no error")
	}
	if names, err := f.Repositories(ctx, "", 0); !slices.Equal(names, []string{"local/x"}) || err != nil {
		t.Errorf("Repositories = %v, %v", names, err)
	}
	if tags, err := f.Tags(ctx, "local/x", "", 0); !slices.Equal(tags, []string{"v1"}) || err != nil {
		t.Errorf("Tags = %v, %v", tags, err)
	}
	if u, err := f.Usage(); u.Blobs != 3 || u.Bytes != int64(len(raw)+102) || err != nil {
		t.Errorf("Usage = %+v, %v", u, err)
	}
	if err := f.DeleteManifest(ctx, "local/x", d); err != nil {
		t.Error(err)
	}
	if err := f.DeleteRepository(ctx, "local/x"); err != nil {
		t.Error(err)
	}
	if _, _, err := f.Manifest(ctx, "local/x", "v1"); err == nil {
		t.Error("Manifest of a deleted repository: no error")
	}
}
