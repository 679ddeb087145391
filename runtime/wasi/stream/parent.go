package stream

import "errors"

// ErrChildren is for dropping a resource while one that came from it lives:
// the guest traps.
var ErrChildren = errors.New("resource is dropped before those that came from it")

// A Parent counts the resources that came from one and must go before it. It
// belongs to one instance, whose calls come one at a time.
type Parent struct{ children int }

// Child counts one more and returns what to call when it is dropped.
func (p *Parent) Child() (dropped func()) {
	p.children++
	return func() { p.children-- }
}

// Childless returns ErrChildren if one is still there.
func (p *Parent) Childless() error {
	if p.children > 0 {
		return ErrChildren
	}
	return nil
}
