package abi

import (
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

func wantTrap(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s = %v, want a trap with %q", what, err, want)
	}
}

// TestLends lends a handle for a call: until the call ends it can neither be
// dropped nor given away, afterwards both.
func TestLends(t *testing.T) {
	cx, _ := newContext(UTF8)
	rt := &types.Resource{Name: "r"}
	in := cx.Instance
	h, err := in.New(rt, 7)
	if err != nil || h != 1 {
		t.Fatalf("New = %d, %v, want 1", h, err)
	}
	for range 2 {
		if v, err := cx.liftBorrow(h, rt); err != nil || v.Resource().Rep != 7 {
			t.Fatalf("liftBorrow = %v, %v", v, err)
		}
	}
	_, err = in.Drop(rt, h)
	wantTrap(t, "drop of a lent handle", err, "it is lent")
	_, err = cx.liftOwn(h, rt)
	wantTrap(t, "transfer of a lent handle", err, "it is lent")
	cx.Scope.Release()
	v, err := cx.liftOwn(h, rt)
	if err != nil || v.Resource().Rep != 7 {
		t.Fatalf("liftOwn = %v, %v", v, err)
	}
	_, err = in.Rep(rt, h)
	wantTrap(t, "rep of a handle that was given away", err, "unknown handle index 1")
	if in.Handles.Len() != 0 {
		t.Errorf("%d handles are left", in.Handles.Len())
	}
}

// TestBorrows lowers a borrow into an instance, which must drop it before the
// call returns.
func TestBorrows(t *testing.T) {
	cx, _ := newContext(UTF8)
	rt := &types.Resource{Name: "r"}
	h, err := cx.lowerHandle(Borrow(&Resource{Type: rt, Host: "x"}), rt, false)
	if err != nil {
		t.Fatal(err)
	}
	wantTrap(t, "return with a borrow", cx.Scope.Returned(), "borrow handles still remain")
	_, err = cx.liftOwn(h, rt)
	wantTrap(t, "transfer of a borrow", err, "it is a borrow")
	if res, err := cx.Instance.Drop(rt, h); err != nil || res != nil {
		t.Errorf("Drop of a borrow = %v, %v, want no resource to destroy", res, err)
	}
	if err := cx.Scope.Returned(); err != nil {
		t.Error(err)
	}
}

// TestBorrowOfOwn gives an instance its own resource: it sees the rep.
func TestBorrowOfOwn(t *testing.T) {
	cx, _ := newContext(UTF8)
	rt := &types.Resource{Name: "r"}
	r := &Resource{Type: rt, Rep: 42, Home: cx.Instance}
	if rep, err := cx.lowerHandle(Borrow(r), rt, false); err != nil || rep != 42 {
		t.Errorf("lower = %d, %v, want the rep 42", rep, err)
	}
	stranger := &Instance{}
	stranger.Root = stranger
	_, err := cx.lowerHandle(Own(&Resource{Type: rt, Home: stranger}), rt, true)
	wantTrap(t, "handle of another root", err, "belongs to another instance")
}

func TestTableIsBounded(t *testing.T) {
	in := &Instance{}
	rt := &types.Resource{Name: "r"}
	for i := range maxHandles {
		if _, err := in.New(rt, uint32(i)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := in.New(rt, 0)
	wantTrap(t, "one handle more", err, "handle table is full")
	dropped := 0
	in.Handles.Clear(func(*Resource) { dropped++ })
	if dropped != maxHandles || in.Handles.Len() != 0 {
		t.Errorf("Clear found %d resources and left %d handles", dropped, in.Handles.Len())
	}
}

// TestEnter has a tree of a root with two children.
func TestEnter(t *testing.T) {
	root := &Instance{}
	a, b := &Instance{Parent: root}, &Instance{Parent: root}
	if err := a.EnterCall(nil); err != nil {
		t.Fatal(err)
	}
	wantTrap(t, "a again from the host", a.EnterCall(nil), "cannot enter")
	wantTrap(t, "a from itself", a.EnterCall(a), "cannot enter")
	wantTrap(t, "the root from a", root.EnterCall(a), "cannot enter")
	if err := b.EnterCall(a); err != nil {
		t.Fatal(err)
	}
	wantTrap(t, "a from b", a.EnterCall(b), "cannot enter")
	b.Exit(a)
	a.Exit(nil)
	if err := b.EnterCall(nil); err != nil {
		t.Errorf("b after all calls: %v", err)
	}
	b.Lock()
	wantTrap(t, "leaving b while it is locked", b.Leave(), "cannot leave")
	b.Unlock()
	if err := b.Leave(); err != nil {
		t.Error(err)
	}
}
