package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/neutrino-local/neutrino-local/registry/blob"
)

// uploads are the uploads under way in all repositories. They end with the
// process: a client whose upload is gone begins it anew.
type uploads struct {
	limits Limits
	blobs  blob.Store
	log    *slog.Logger
	ttl    time.Duration
	bytes  atomic.Int64 // of all uploads under way

	mu   sync.Mutex
	open map[string]*upload // by id; guarded by mu
}

// An upload is one blob or manifest on its way in. One request at a time has the
// turn and may use blob; mu is only ever held for a moment.
type upload struct {
	id         string
	repository string
	blob       blob.Upload
	turn       chan struct{} // holds a token while no request has the turn
	counted    int64         // bytes of it in uploads.bytes; for who has the turn
	ended      bool          // for who has the turn

	mu   sync.Mutex
	cut  func()    // breaks off the request that has the turn; guarded by mu
	idle time.Time // since when no request has the turn; guarded by mu
}

// abandoned is how long an upload must have been left alone to make room for
// another one. It is longer than any client waits between two chunks.
const abandoned = time.Minute

// start begins an upload. The caller has the turn.
func (u *uploads) start(repository string, cut func()) (*upload, error) {
	b, err := u.blobs.Create()
	if err != nil {
		return nil, err
	}
	up := &upload{
		id: uuid.NewString(), repository: repository, blob: b, cut: cut, turn: make(chan struct{}, 1),
	}
	for {
		u.mu.Lock()
		err = over("uploads", int64(u.limits.Uploads), int64(len(u.open)+1))
		if err == nil {
			u.open[up.id] = up
		}
		u.mu.Unlock()
		if err == nil || !u.evict() {
			return up, err
		}
	}
}

// find returns an upload of a repository.
func (u *uploads) find(repository, id string) (*upload, error) {
	u.mu.Lock()
	up := u.open[id]
	u.mu.Unlock()
	if up == nil || up.repository != repository {
		return nil, fmt.Errorf("%w: %.80q of %s; begin it again", errUploadUnknown, id, repository)
	}
	return up, nil
}

// take gets the turn at an upload. A request that still has it is broken off:
// its client has left it, or would not have come again.
func (u *uploads) take(ctx context.Context, repository, id string, cut func()) (*upload, error) {
	up, err := u.find(repository, id)
	if err != nil {
		return nil, err
	}
	up.breakOff()
	select {
	case <-up.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if up.ended {
		up.turn <- struct{}{}
		return u.find(repository, id)
	}
	up.mu.Lock()
	up.cut = cut
	up.mu.Unlock()
	return up, nil
}

func (up *upload) breakOff() {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.cut != nil {
		up.cut()
	}
}

// release gives the turn back.
func (up *upload) release() {
	up.mu.Lock()
	up.cut = nil
	up.idle = time.Now()
	up.mu.Unlock()
	up.turn <- struct{}{}
}

// count notes that n more bytes are on their way into up, unless they are too
// many together with those of all uploads.
func (u *uploads) count(up *upload, n int64) error {
	u.bytes.Add(n)
	if err := u.room(0); err != nil {
		u.bytes.Add(-n)
		return err
	}
	up.counted += n
	return nil
}

// room returns an error if n more bytes are too many, also after uploads that
// were left alone have gone.
func (u *uploads) room(n int64) error {
	for {
		total := u.bytes.Load() + n
		err := over("upload-bytes", u.limits.UploadBytes, max(n, total)) // a sum may overflow
		if err == nil {
			err = over("store-size", u.limits.Store, max(n, total+u.blobs.Used()))
		}
		if err == nil || !u.evict() {
			return err
		}
	}
}

// end forgets an upload, by whoever has the turn, and drops what it has.
func (u *uploads) end(up *upload) error {
	up.ended = true
	u.drop(up)
	if err := up.blob.Cancel(); err != nil {
		return fmt.Errorf("upload %s: %w", up.id, err)
	}
	return nil
}

func (u *uploads) drop(up *upload) {
	u.bytes.Add(-up.counted)
	up.counted = 0
	u.mu.Lock()
	delete(u.open, up.id)
	u.mu.Unlock()
}

// evict ends the upload that has been left alone for longest, and reports
// whether there was one.
func (u *uploads) evict() bool {
	left := u.idleFor(abandoned)
	if len(left) == 0 {
		return false
	}
	u.endIdle(left[0])
	return true
}

// idleFor returns the uploads that nobody has worked on for so long, the oldest
// first.
func (u *uploads) idleFor(d time.Duration) []*upload {
	type since struct {
		up *upload
		at time.Time
	}
	var left []since
	now := time.Now()
	u.mu.Lock()
	for _, up := range u.open {
		up.mu.Lock()
		if up.cut == nil && now.Sub(up.idle) >= d {
			left = append(left, since{up, up.idle})
		}
		up.mu.Unlock()
	}
	u.mu.Unlock()
	slices.SortFunc(left, func(a, b since) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.up.id, b.up.id))
	})
	ups := make([]*upload, len(left))
	for i, l := range left {
		ups[i] = l.up
	}
	return ups
}

// endIdle ends an upload unless a request has come for it meanwhile.
func (u *uploads) endIdle(up *upload) {
	select {
	case <-up.turn:
	default:
		return
	}
	defer func() { up.turn <- struct{}{} }()
	if up.ended {
		return
	}
	if err := u.end(up); err != nil {
		u.log.Error("registry upload", "err", err)
	}
	u.log.Info("registry upload expired", "repository", up.repository, "upload", up.id, "size", up.blob.Size())
}

// expire ends uploads that were left alone until ctx ends.
func (u *uploads) expire(ctx context.Context) {
	tick := time.NewTicker(max(u.ttl/4, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, up := range u.idleFor(u.ttl) {
			u.endIdle(up)
		}
	}
}

// cancelAll ends all uploads. No request may be under way.
func (u *uploads) cancelAll() error {
	var errs []error
	for _, up := range u.idleFor(0) {
		errs = append(errs, u.end(up))
	}
	return errors.Join(errs...)
}

// underWay returns how many uploads there are and how much has arrived of them.
func (u *uploads) underWay() (n int, bytes int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.open), u.bytes.Load()
}
