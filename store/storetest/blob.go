package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func links(t *testing.T, s Store) {
	ctx := t.Context()
	linked := func(want bool, repository, digest string) {
		t.Helper()
		if got := must(s.BlobLinked(ctx, repository, digest))(t); got != want {
			t.Errorf("%s linked in %s: %t, want %t", digest, repository, got, want)
		}
	}
	linked(false, "a", "sha256:1")
	check(t, s.LinkBlob(ctx, "a", "sha256:1"))
	check(t, s.LinkBlob(ctx, "a", "sha256:1")) // again
	linked(true, "a", "sha256:1")
	linked(false, "b", "sha256:1")

	check(t, s.MountBlob(ctx, "a", "b", "sha256:1"))
	linked(true, "b", "sha256:1")
	check(t, s.MountBlob(ctx, "", "c", "sha256:1")) // from anywhere
	linked(true, "c", "sha256:1")
	wants(t, "mount from where it is not", s.MountBlob(ctx, "none", "d", "sha256:1"), store.ErrNotFound)
	wants(t, "mount of nothing", s.MountBlob(ctx, "", "d", "sha256:2"), store.ErrNotFound)
	linked(false, "d", "sha256:1")

	check(t, s.UnlinkBlob(ctx, "a", "sha256:1"))
	wants(t, "unlinked twice", s.UnlinkBlob(ctx, "a", "sha256:1"), store.ErrNotFound)
	linked(false, "a", "sha256:1")
	linked(true, "b", "sha256:1")
	for digest, want := range map[string]bool{"sha256:1": true, "sha256:2": false} {
		if got := must(s.BlobKnown(ctx, digest))(t); got != want {
			t.Errorf("%s known: %t, want %t", digest, got, want)
		}
	}
}

// What may be collected: all that was acknowledged, is needed by no manifest and
// no revision, and is older than the grace time.
func collection(t *testing.T, s Store) {
	ctx := t.Context()
	app := newApp(t, s, "hello")
	soon := time.Now().Add(time.Hour)
	for _, d := range []string{"sha256:c", "sha256:l", "sha256:loose", "sha256:root"} {
		check(t, s.LinkBlob(ctx, "r", d))
	}
	check(t, s.PutManifest(ctx, store.Manifest{Repository: "r", Digest: "sha256:m", Blobs: []string{"sha256:c", "sha256:l"}}, "v"))
	must(s.CreateDeployment(ctx, store.Deployment{App: app}, &store.Revision{Digest: "sha256:m", Blobs: []string{"sha256:root", "sha256:l"}}))(t)
	loose := func(want ...string) {
		t.Helper()
		got := must(s.UnreferencedBlobs(ctx, soon, 0))(t)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("unreferenced: %q, want %q", got, want)
		}
	}
	loose("sha256:loose")
	if got := must(s.UnreferencedBlobs(ctx, start, 0))(t); len(got) != 0 {
		t.Errorf("unreferenced and old: %q, want none", got)
	}
	if got, want := must(s.ReferencedBlobs(ctx))(t), []string{"sha256:c", "sha256:l", "sha256:m", "sha256:root"}; !cmp.Equal(got, want) {
		t.Errorf("referenced: %q, want %q", got, want)
	}
	check(t, s.UnlinkBlob(ctx, "r", "sha256:l"))
	check(t, s.DeleteManifest(ctx, "r", "sha256:m"))
	loose("sha256:c", "sha256:loose") // the revision still has the manifest and a layer
	if !must(s.BlobReferenced(ctx, "sha256:l"))(t) || must(s.BlobReferenced(ctx, "sha256:c"))(t) {
		t.Error("BlobReferenced: want sha256:l and not sha256:c")
	}
	forget := func(want bool, digest string, before time.Time) {
		t.Helper()
		if got := must(s.ForgetBlob(ctx, digest, before))(t); got != want {
			t.Errorf("ForgetBlob(%s) = %t, want %t", digest, got, want)
		}
	}
	forget(false, "sha256:l", soon)  // needed
	forget(false, "sha256:c", start) // young
	forget(true, "sha256:c", soon)
	forget(false, "sha256:c", soon)
	if must(s.BlobLinked(ctx, "r", "sha256:c"))(t) || must(s.BlobKnown(ctx, "sha256:c"))(t) {
		t.Error("a forgotten blob is still there")
	}
	wants(t, "manifest of a forgotten blob", s.PutManifest(ctx, store.Manifest{Repository: "r", Digest: "sha256:m", Blobs: []string{"sha256:c"}}, ""), store.ErrNotFound)
	check(t, s.DeleteApp(ctx, app))
	loose("sha256:l", "sha256:loose", "sha256:m", "sha256:root")
	if got := must(s.UnreferencedBlobs(ctx, soon, 2))(t); len(got) != 2 {
		t.Errorf("at most two: %q", got)
	}
}

// While blobs are linked, needed and forgotten at once, a manifest that was
// accepted never lacks one.
func collectionAtOnce(t *testing.T, s Store) {
	ctx := t.Context()
	soon := time.Now().Add(time.Hour)
	var pushers, collector sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		pushers.Go(func() {
			for range 40 {
				digest := fmt.Sprintf("sha256:%d", rand.IntN(5))
				if err := s.LinkBlob(ctx, "r", digest); err != nil {
					t.Error(err)
				}
				m := store.Manifest{Repository: "r", Digest: fmt.Sprintf("sha256:m%d", w), Blobs: []string{digest}}
				if s.PutManifest(ctx, m, "") != nil {
					continue // it was collected in between
				}
				if ok, err := s.BlobLinked(ctx, "r", digest); !ok || err != nil {
					t.Errorf("a manifest lacks %s: %v", digest, err)
				}
				if err := s.DeleteManifest(ctx, "r", m.Digest); err != nil {
					t.Error(err)
				}
			}
		})
	}
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			digests, err := s.UnreferencedBlobs(ctx, soon, 0)
			if err != nil {
				t.Error(err)
			}
			for _, d := range digests {
				if _, err := s.ForgetBlob(ctx, d, soon); err != nil {
					t.Error(err)
				}
			}
		}
	})
	pushers.Wait()
	close(stop)
	collector.Wait()
}
