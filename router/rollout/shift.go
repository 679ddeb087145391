package rollout

import (
	"context"
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// The shares of a mixed window, in percent. They are a quarter of the window
// apart: it ends when the last one is reached.
var shares = []int{10, 25, 50, 75, 100}

// commit is the switch: it makes next the current revision of the store, then
// opens the deployment's window and gives up its turn.
func (e *Engine) commit(d *deployment, next *running) error {
	a := d.app
	e.mu.Lock()
	if a.open != nil {
		if a.open.held {
			defer e.mu.Unlock()
			return heldError(a)
		}
		e.promote(a) // at most two revisions share traffic
	}
	e.mu.Unlock()
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	at := time.Now()
	if err := e.Store.CommitDeployment(context.WithoutCancel(d.ctx), d.ID, at); err != nil && !e.committed(d) {
		return fmt.Errorf("commit: %w", err)
	}
	e.log(d, store.Switching)
	e.mu.Lock()
	defer e.mu.Unlock()
	a.open, a.next = d, next
	a.turn.Release(1) // the next one may get ready, as soon as anybody hears of the switch
	e.event(d, store.Switching, at, "")
	d.steps = shares[len(shares)-1:]
	if d.Policy == store.Mixed && d.Window > 0 {
		d.steps = shares
	}
	switch {
	case !a.current.ready(): // nobody to share with
		e.promote(a)
	case a.armed != nil && *a.armed == 0:
		e.hold(a, 0)
	default:
		e.advance(a)
	}
	return nil
}

// committed reports whether the store has committed d: it may have, and failed to
// say so. Then the new revision is the current one.
func (e *Engine) committed(d *deployment) bool {
	kept, err := e.Store.Deployment(context.WithoutCancel(d.ctx), d.ID)
	return err == nil && kept.Phase.Committed()
}

// advance goes to the next share of the open window, or to the one at which it
// holds. The caller holds mu.
func (e *Engine) advance(a *app) {
	d := a.open
	next := d.after()
	switch {
	case a.armed != nil && *a.armed <= next:
		e.hold(a, max(*a.armed, d.share))
	case next >= 100:
		e.promote(a)
	default:
		e.setShare(a, next, fmt.Sprintf("%d%%", next))
	}
}

// after returns the step that follows the share of d.
func (d *deployment) after() int {
	for _, s := range d.steps {
		if s > d.share {
			return s
		}
	}
	return 100
}

// hold stops the open window at a share. The caller holds mu.
func (e *Engine) hold(a *app, share int) {
	a.armed = nil
	a.open.held = true
	e.setShare(a, share, fmt.Sprintf("held at %d%%", share))
}

// setShare changes the share of the open window. The caller holds mu.
func (e *Engine) setShare(a *app, share int, detail string) {
	d := a.open
	if d.share != share || d.step == 0 {
		d.share = share
		d.step++
		e.publish(a)
	}
	d.due = time.Now().Add(d.Window / time.Duration(len(shares)-1))
	e.later(d, store.Switching, detail)
}

// promote ends the open window: all new requests go to its revision, and the one
// before it only drains. The caller holds mu.
func (e *Engine) promote(a *app) {
	d := a.open
	d.old = a.current
	if a.current != nil {
		a.draining = append(a.draining, a.current)
	}
	a.current, a.next, a.open = a.next, nil, nil
	d.share, d.held = 100, false
	if d.old != nil {
		e.later(d, store.Draining, "")
	}
	e.publish(a)
	d.changed()
}

// shift takes the open window of d to its end: by time, by what users ask for, or
// at once if the engine or the app ends or another deployment commits.
func (e *Engine) shift(d *deployment) {
	for {
		e.saved(d)
		e.mu.Lock()
		open, held, wait, changed := d.app.open == d, d.held, time.Until(d.due), d.note
		e.mu.Unlock()
		if !open {
			return
		}
		var due <-chan time.Time
		if !held {
			due = time.After(wait)
		}
		select {
		case <-changed:
		case <-due:
			e.ifOpen(d, e.advance)
		case <-d.ctx.Done():
			e.ifOpen(d, e.promote)
		}
	}
}

// ifOpen has f change the window of d if it is open and not held meanwhile, or
// about to end.
func (e *Engine) ifOpen(d *deployment, f func(*app)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if d.app.open == d && (!d.held || d.ctx.Err() != nil) {
		f(d.app)
	}
}
