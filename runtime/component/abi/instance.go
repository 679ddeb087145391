package abi

// An Instance is the state of one component instance that the ABI knows of. It
// may hold several tasks; only one runs at a time.
type Instance struct {
	Handles Table
	Parent  *Instance
	Root    *Instance // of the tree; the root is its own
	locked  bool      // may_leave is false
	entered bool      // may_enter is false
}

// Leave traps if the instance may not call out now: during realloc and
// post-return.
func (in *Instance) Leave() error {
	if in.locked {
		return Trapf("cannot leave component instance")
	}
	return nil
}

// Lock makes Leave trap until Unlock.
func (in *Instance) Lock() { in.locked = true }

// Unlock ends Lock.
func (in *Instance) Unlock() { in.locked = false }

// Enter notes that caller, nil for the host, calls into in. An instance that a
// call is in already cannot be entered, unless caller is inside of it.
func (in *Instance) Enter(caller *Instance) error {
	for p := in; p != nil && !caller.within(p); p = p.Parent {
		if p.entered {
			return Trapf("cannot enter component instance")
		}
	}
	in.setEntered(caller, true)
	return nil
}

// EnterCall is Enter for calls of functions. A parent and its child may not
// call each other, nor an instance itself: other hosts trap there for now, and
// so guests cannot count on it.
func (in *Instance) EnterCall(caller *Instance) error {
	if caller.within(in) || caller != nil && in.within(caller) {
		return Trapf("cannot enter component instance")
	}
	return in.Enter(caller)
}

// Exit ends Enter.
func (in *Instance) Exit(caller *Instance) { in.setEntered(caller, false) }

func (in *Instance) setEntered(caller *Instance, to bool) {
	for p := in; p != nil && !caller.within(p); p = p.Parent {
		p.entered = to
	}
}

// within reports whether in is p or inside of it.
func (in *Instance) within(p *Instance) bool {
	for ; in != nil; in = in.Parent {
		if in == p {
			return true
		}
	}
	return false
}
