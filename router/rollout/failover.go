package rollout

import (
	"context"
	"fmt"
	"strconv"

	"github.com/neutrino-local/neutrino-local/store"
)

// Failover returns the state of an app's failover: of the window that is open,
// else of the deployment under way, else what the next one has by default.
func (e *Engine) Failover(id store.AppID) store.Switch {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := store.Switch{Policy: e.deployment(store.Request{}).Policy, Window: e.Window, Seed: e.Seed}
	a := e.apps[id]
	if a == nil {
		return s
	}
	if a.armed != nil {
		s.Armed = armed(*a.armed)
	}
	if d := a.shown(); d != nil {
		s.Policy, s.Window, s.Seed = d.Policy, d.Window, d.Seed
		s.Deployment, s.Phase = d.ID, d.Phase
		s.From, s.To, s.Share, s.Held = d.From, d.Revision, d.share, d.held
	} else if a.current != nil {
		s.To, s.Share = a.current.revision, 100
	}
	return s
}

func armed(share int) string {
	if share == 0 {
		return "start"
	}
	return strconv.Itoa(share)
}

// Hold makes the window of an app hold at "start" or at a percentage below 100:
// the window that is open, at once if its share is there already, or that of the
// next deployment which replaces a revision.
func (e *Engine) Hold(ctx context.Context, id store.AppID, at string) error {
	share, err := strconv.Atoi(at)
	if at == "start" {
		share, err = 0, nil
	}
	if err != nil || share < 0 || share > 99 {
		return fmt.Errorf("hold at %.40q is %w: use start, or a percentage from 0 to 99", at, store.ErrInvalid)
	}
	return e.move(ctx, id, func(a *app) error {
		a.armed = &share
		d := a.open
		switch {
		case d == nil:
		case share <= d.share && d.held:
			a.armed = nil
		case share <= d.share:
			e.hold(a, d.share)
		case d.held: // at less: go on until there
			d.held = false
			e.advance(a)
		}
		return nil
	})
}

// Step moves a held window one share on, where it holds again. The last step ends
// it.
func (e *Engine) Step(ctx context.Context, id store.AppID) error {
	return e.move(ctx, id, func(a *app) error {
		if a.open == nil || !a.open.held {
			return notHeld(a)
		}
		if next := a.open.after(); next < 100 {
			e.setShare(a, next, fmt.Sprintf("held at %d%%", next))
		} else {
			e.promote(a)
		}
		return nil
	})
}

// Release lets a held window go on. It takes back a hold that has not been
// reached, too.
func (e *Engine) Release(ctx context.Context, id store.AppID) error {
	return e.move(ctx, id, func(a *app) error {
		switch {
		case a.open != nil && a.open.held:
			a.open.held = false
			e.advance(a)
		case a.armed != nil:
			a.armed = nil
		default:
			return notHeld(a)
		}
		return nil
	})
}

// move has f change the state of an app.
func (e *Engine) move(ctx context.Context, id store.AppID, f func(*app) error) error {
	a, err := e.known(ctx, id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return f(a)
}

func notHeld(a *app) error {
	err := fmt.Errorf("%w: the failover of %s is not held", store.ErrConflict, a.name)
	return store.Hint(err, fmt.Sprintf("hold the next one: neutrino-local failover hold %s", a.name))
}
