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
	first := !a.closed
	a.closed = true
	if first && a.users == 0 {
		a.release()
		close(a.idle)
	}
	a.mu.Unlock()
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
	defer a.mu.Unlock()
	if a.users--; a.users == 0 && a.closed {
		a.release()
		close(a.idle)
	}
}

func (a *App) release() {
	for _, release := range a.releases {
		release()
	}
	a.releases = nil
}
