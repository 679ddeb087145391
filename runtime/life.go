package runtime

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Start links and instantiates each component that a trigger leads to once,
// without running it.
func (a *App) Start(ctx context.Context) error {
	if !a.enter() {
		return errClosed
	}
	defer a.leave()
	for _, key := range slices.Sorted(maps.Keys(a.triggers)) {
		ctx, cancel := a.host.deadline(ctx)
		err := a.triggers[key].start(ctx)
		cancel()
		if err != nil {
			return invalid(err)
		}
	}
	return nil
}

var errClosed = errors.New("the revision is closed")

// Close waits for the app's requests and frees its code. If ctx ends first, the
// code is freed by the last request.
func (a *App) Close(ctx context.Context) error {
	a.mu.Lock()
	last := !a.closed && a.users == 0
	a.closed = true
	a.mu.Unlock()
	if last {
		a.release()
		close(a.idle)
	}
	select {
	case <-a.idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (a *App) enter() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.users++
	return true
}

func (a *App) leave() {
	a.mu.Lock()
	a.users--
	last := a.users == 0 && a.closed
	a.mu.Unlock()
	if last {
		a.release()
		close(a.idle)
	}
}

// release closes the app's instances and frees its code. No request is left.
func (a *App) release() {
	a.host.count.remove(a)
	if a.pool != nil {
		_ = a.pool.Close(context.Background()) // it waits for resets, which are bounded
	}
	for _, u := range a.uses {
		u.release()
	}
	clear(a.uses)
}
