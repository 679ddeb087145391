package registry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store"
)

func newUploads(limits Limits) *uploads {
	return &uploads{
		limits: limits, blobs: blob.NewMemory(), log: slog.New(slog.DiscardHandler),
		ttl: time.Hour, open: map[string]*upload{},
	}
}

// startIdle begins an upload with n bytes and leaves it alone.
func (u *uploads) startIdle(t *testing.T, n int) *upload {
	t.Helper()
	up, err := u.start("a/b", func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.count(up, int64(n)); err != nil {
		t.Fatal(err)
	}
	if _, err := up.blob.Append(bytes.NewReader(make([]byte, n))); err != nil {
		t.Fatal(err)
	}
	up.release()
	return up
}

func (u *uploads) check(t *testing.T, wantOpen int, wantBytes int64) {
	t.Helper()
	if n, size := u.underWay(); n != wantOpen || size != wantBytes {
		t.Errorf("%d uploads of %d bytes, want %d of %d", n, size, wantOpen, wantBytes)
	}
}

func TestUploadsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(Limits{})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); u.expire(ctx) }()
		u.startIdle(t, 100)
		<-time.After(40 * time.Minute)
		kept := u.startIdle(t, 200)
		<-time.After(40 * time.Minute)
		u.check(t, 1, 200)
		// One that is worked on does not expire, however long that takes.
		if _, err := u.take(ctx, "a/b", kept.id, func() {}); err != nil {
			t.Fatal(err)
		}
		<-time.After(5 * time.Hour)
		u.check(t, 1, 200)
		kept.release()
		<-time.After(2 * time.Hour)
		u.check(t, 0, 0)
		stop()
		<-ended
	})
}

// An upload that was left alone makes room for another one, the oldest first.
func TestUploadsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(Limits{Uploads: 3, UploadBytes: 1000})
		oldest := u.startIdle(t, 400)
		<-time.After(time.Second)
		older := u.startIdle(t, 400)
		if err := u.room(300); !errors.Is(err, store.ErrLimit) {
			t.Errorf("room = %v while all are young, want %v", err, store.ErrLimit)
		}
		<-time.After(abandoned)
		young := u.startIdle(t, 0)
		if err := u.room(300); err != nil {
			t.Errorf("room: %v", err)
		}
		u.check(t, 2, 400)
		if _, err := u.find("a/b", oldest.id); err == nil {
			t.Error("the oldest upload is still there")
		}
		u.startIdle(t, 0)
		u.startIdle(t, 0) // too many: the one from before has to go
		if _, err := u.find("a/b", older.id); err == nil {
			t.Error("the older upload is still there")
		}
		if _, err := u.start("a/b", nil); !errors.Is(err, errTooMany) {
			t.Errorf("start = %v, want %v", err, errTooMany)
		}
		if _, err := u.find("a/b", young.id); err != nil {
			t.Errorf("the young upload has gone: %v", err)
		}
	})
}

// A second request for an upload breaks off the first and waits until it is done.
func TestASecondRequestCutsTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUploads(Limits{})
		up := u.startIdle(t, 0)
		cut := make(chan struct{})
		if _, err := u.take(t.Context(), "a/b", up.id, func() { close(cut) }); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() {
			_, err := u.take(t.Context(), "a/b", up.id, func() {})
			got <- err
		}()
		<-cut
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatalf("the second has the turn before the first gave it back: %v", err)
		default:
		}
		up.release()
		if err := <-got; err != nil {
			t.Errorf("take: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := u.take(ctx, "a/b", up.id, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("take = %v, want %v", err, context.Canceled)
		}
		if err := u.end(up); err != nil {
			t.Error(err)
		}
		up.release()
		if _, err := u.take(t.Context(), "a/b", up.id, nil); !errors.Is(err, errUploadUnknown) {
			t.Errorf("take of one that has ended = %v, want %v", err, errUploadUnknown)
		}
	})
}
