package rollout

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// A deployment is one that is under way. Engine.mu guards its fields but for the
// first block, which does not change.
type deployment struct {
	app    *app
	of     store.Revision
	ctx    context.Context // ends with the engine or the app: hurry
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when its goroutine is about to end

	store.Deployment
	held  bool
	share int           // percent of new requests
	step  int           // one more each time that share changes
	steps []int         // shares to come to, in the end 100
	due   time.Time     // of the next step
	old   *running      // what the deployment has replaced, once its window is over
	note  chan struct{} // closed and replaced at each change

	unsaved []store.PhaseEvent // events that the store does not have yet
	passing bool               // the last event gives way to the next one
}

// changed tells who watches d. The caller holds mu.
func (d *deployment) changed() {
	close(d.note)
	d.note = make(chan struct{})
}

// event notes a phase, or something about the phase that d is in. The caller
// holds mu.
func (e *Engine) event(d *deployment, p store.Phase, at time.Time, detail string) {
	news := d.Phase != p
	d.Phase = p
	if d.passing {
		d.Events, d.passing = slices.Clone(d.Events[:len(d.Events)-1]), false
	}
	d.Events = append(d.Events, store.PhaseEvent{Phase: p, At: at, Detail: detail})
	if news && !p.Ended() {
		e.publish(d.app)
	}
	d.changed()
}

// later is event for one that the store gets from the deployment's goroutine.
// The caller holds mu.
func (e *Engine) later(d *deployment, p store.Phase, detail string) {
	at := time.Now()
	d.unsaved = append(d.unsaved, store.PhaseEvent{Phase: p, At: at, Detail: detail})
	e.event(d, p, at, detail)
}

// compiling notes how far Compiling has come. Only what has been done stays on
// record.
func (e *Engine) compiling(d *deployment, detail string, done bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if done {
		e.later(d, store.Compiling, detail)
		return
	}
	e.event(d, store.Compiling, time.Now(), detail)
	d.passing = true
}

// enter begins a phase.
func (e *Engine) enter(d *deployment, p store.Phase) error {
	e.mu.Lock()
	e.later(d, p, "")
	e.mu.Unlock()
	return e.save(d)
}

// save gives the store the events that it does not have, and logs them. Only the
// deployment's goroutine calls it.
func (e *Engine) save(d *deployment) error {
	e.mu.Lock()
	events := d.unsaved
	d.unsaved = nil
	e.mu.Unlock()
	for _, event := range events {
		more := []any{}
		if event.Detail != "" {
			more = append(more, "detail", event.Detail)
		}
		e.log(d, event.Phase, more...)
		if err := e.Store.AddPhase(context.WithoutCancel(d.ctx), d.ID, event); err != nil {
			return err
		}
	}
	return nil
}

// saved is save after the commit, when nothing can stop a deployment any more.
func (e *Engine) saved(d *deployment) {
	if err := e.save(d); err != nil {
		e.unnoted(d, err)
	}
}

// unnoted logs that the store does not take what has become of d.
func (e *Engine) unnoted(d *deployment, err error) {
	e.Log.Error("deployment cannot be noted", keyApp, d.app.name, keyRevision, d.Revision, keyDeployment, d.ID, keyError, err)
}

// owe keeps d, which has ended, if the store has not taken that: those who ask
// are told, and the store is tried again. The caller holds mu, and has logged
// why.
func (e *Engine) owe(d *deployment, stored error) {
	if stored != nil {
		e.owed[d.ID] = d
	}
}

// settle tells the store of the deployments whose end it has not taken.
func (e *Engine) settle(ctx context.Context) {
	e.mu.Lock()
	owed := slices.Collect(maps.Values(e.owed))
	e.mu.Unlock()
	for _, d := range owed {
		err := e.Store.EndDeployment(ctx, d.ID, d.Phase, d.FailedIn, d.Reason, d.EndedAt)
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			return
		}
		e.mu.Lock()
		delete(e.owed, d.ID)
		e.mu.Unlock()
	}
}

// knownDeployment returns a deployment that the store does not know all of, or nil. The
// caller holds mu.
func (e *Engine) knownDeployment(id store.DeploymentID) *deployment {
	if d := e.deployments[id]; d != nil {
		return d
	}
	return e.owed[id]
}

// progress returns d as it is, and a channel that is closed when that changes.
// The caller holds mu.
func (d *deployment) progress() (store.Progress, <-chan struct{}) {
	p := store.Progress{Deployment: d.Deployment, Held: d.held, Share: d.share}
	p.Events = slices.Clone(d.Events)
	return p, d.note
}

// Progress returns a deployment that is under way as it is now, or one whose end
// the store has not taken, and false for any other.
func (e *Engine) Progress(id store.DeploymentID) (store.Progress, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.knownDeployment(id)
	if d == nil {
		return store.Progress{}, false
	}
	p, _ := d.progress()
	return p, true
}

// Watch sends a deployment as it is and each time it changes; a reader that is
// slow misses states that a newer one has replaced. The channel is closed after
// the state in which the deployment has ended, or when ctx ends.
func (e *Engine) Watch(ctx context.Context, id store.DeploymentID) (<-chan store.Progress, error) {
	states := make(chan store.Progress)
	e.mu.Lock()
	d := e.knownDeployment(id)
	e.mu.Unlock()
	if d != nil {
		go func() { // ends with ctx, or with the deployment if it is read
			defer close(states)
			e.send(ctx, d, states)
		}()
		return states, nil
	}
	last, err := e.Store.Deployment(ctx, id)
	if err != nil {
		return nil, err
	}
	states = make(chan store.Progress, 1)
	p := store.Progress{Deployment: last}
	if last.Phase == store.Live {
		p.Share = 100
	}
	states <- p
	close(states)
	return states, nil
}

func (e *Engine) send(ctx context.Context, d *deployment, states chan<- store.Progress) {
	for {
		e.mu.Lock()
		p, changed := d.progress()
		e.mu.Unlock()
		select {
		case states <- p:
			if p.Phase.Ended() {
				return
			}
		case <-changed:
			continue
		case <-ctx.Done():
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
