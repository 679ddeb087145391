package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// TestLinksForgetWhatIsGone takes a blob away in each way while others read it:
// no read that begins afterwards finds it.
func TestLinksForgetWhatIsGone(t *testing.T) {
	db := openTemp(t)
	ctx := t.Context()
	const repository, digest = "one/app", "sha256:b"
	ways := []struct {
		name string
		take func() error
	}{
		{"UnlinkBlob", func() error { return db.UnlinkBlob(ctx, repository, digest) }},
		{"DeleteRepository", func() error { return db.DeleteRepository(ctx, repository) }},
		{"ForgetBlob", func() error {
			_, err := db.ForgetBlob(ctx, digest, time.Now().Add(time.Hour))
			return err
		}},
	}
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					db.BlobTouched(ctx, repository, digest)
				}
			}
		})
	}
	for round := range 100 {
		way := ways[round%len(ways)]
		if err := db.LinkBlob(ctx, repository, digest); err != nil {
			t.Fatal(err)
		}
		if _, err := db.BlobTouched(ctx, repository, digest); err != nil {
			t.Fatalf("BlobTouched of what is there: %v", err)
		}
		if err := way.take(); err != nil {
			t.Fatalf("%s: %v", way.name, err)
		}
		if _, err := db.BlobTouched(ctx, repository, digest); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("BlobTouched after %s: %v, want %v", way.name, err, store.ErrNotFound)
		}
	}
	close(done)
	readers.Wait()
}

// TestLinksAreTouched reads a link again after it was touched.
func TestLinksAreTouched(t *testing.T) {
	db := openTemp(t)
	ctx := t.Context()
	var last time.Time
	for n := range 3 {
		if err := db.LinkBlob(ctx, "one/app", "sha256:b"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			at, err := db.BlobTouched(ctx, "one/app", "sha256:b")
			if err != nil || at.Before(last) || n > 0 && at.Equal(last) {
				t.Fatalf("BlobTouched = %v, %v, want later than %v", at, err, last)
			}
		}
		last, _ = db.BlobTouched(ctx, "one/app", "sha256:b")
	}
}

func TestLinksAreBounded(t *testing.T) {
	var l links
	for i := range maxLinks + 10 {
		l.remember(link{"one/app", fmt.Sprint(i)}, time.Time{}, 0)
	}
	if n := len(l.known); n > maxLinks {
		t.Errorf("%d links are remembered, want at most %d", n, maxLinks)
	}
}
