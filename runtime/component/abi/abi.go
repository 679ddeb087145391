// Package abi is the canonical ABI: component values in linear memory and as
// core values, handles to resources, and the rules for calls.
//
// Types are compiled once, by [Compile], to closures that lift (read) and
// lower (write) values; a call does no reflection. All that a guest can break
// is a [Trap]: bounds, alignment, encodings, discriminants and handles are
// checked before use, and what one call may make the host allocate is bounded.
// The package knows nothing of an engine: it sees a memory as bytes and a
// core function as a Go function.
package abi

import (
	"errors"
	"fmt"
	"math"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A Trap is a fault of a guest, or of a host function that ends the guest. The
// instance that trapped cannot be entered again.
type Trap struct {
	Reason string
	Err    error // the host function's error, if there is one
}

// Error returns the reason.
func (t *Trap) Error() string { return t.Reason }

// Unwrap returns the host's error behind the trap.
func (t *Trap) Unwrap() error { return t.Err }

// Trapf makes a trap; %w gives it an error.
func Trapf(format string, args ...any) *Trap {
	err := fmt.Errorf(format, args...)
	return &Trap{Reason: err.Error(), Err: errors.Unwrap(err)}
}

// A Memory is a 32-bit linear memory. Read returns a view of its bytes, through
// which they can be written as well.
type Memory interface {
	Size() uint32
	Read(offset, n uint32) ([]byte, bool)
}

// Encoding is a string encoding, in the order of the binary format.
type Encoding uint8

// String encodings.
const (
	UTF8 Encoding = iota
	UTF16
	Latin1UTF16
)

// A Realloc is the guest's allocator.
type Realloc func(old, oldSize, align, newSize uint32) (uint32, error)

// DefaultBudget is how many bytes of the host's memory the values of one call
// may take, unless [Context.Budget] says otherwise.
const DefaultBudget = 256 << 20

// A Context is one side of a call: whose memory and handles values are lifted
// from or lowered to.
type Context struct {
	Memory   Memory
	Realloc  Realloc
	Encoding Encoding
	Instance *Instance
	Scope    *Scope // borrows of the call
	Budget   int    // bytes of host memory left for this call's values

	mem []byte // view of Memory; read again after each call of the guest
}

// Begin must be called before values are lifted or lowered: the guest may have
// grown its memory since.
func (cx *Context) Begin() {
	if cx.Memory != nil {
		cx.mem = view(cx.Memory)
	}
	if cx.Budget == 0 {
		cx.Budget = DefaultBudget
	}
}

func view(m Memory) []byte {
	b, ok := m.Read(0, m.Size())
	if ok && len(b) == 0 { // empty, or 4 GiB, whose size is no uint32
		if all, ok := m.Read(0, math.MaxUint32); ok {
			return all
		}
	}
	return b
}

func (cx *Context) charge(n int) error {
	if cx.Budget -= n; cx.Budget < 0 {
		cx.Budget = -1
		return Trapf("values of one call take too much memory of the host")
	}
	return nil
}

// check traps unless [p, p+n) is in memory and p is aligned.
func (cx *Context) check(what string, p uint32, n uint64, align uint32) error {
	if p&(align-1) != 0 {
		return Trapf("%s: pointer %#x is not aligned to %d", what, p, align)
	}
	if uint64(p)+n > uint64(len(cx.mem)) {
		return Trapf("%s: [%#x, +%d) is out of bounds of memory", what, p, n)
	}
	return nil
}

// realloc calls the guest's allocator and checks what it says.
func (cx *Context) realloc(old, oldSize, align, size uint32) (uint32, error) {
	if cx.Realloc == nil {
		return 0, Trapf("there is no realloc to make room for a result")
	}
	p, err := cx.Realloc(old, oldSize, align, size)
	if err != nil {
		return 0, err
	}
	cx.mem = view(cx.Memory)
	return p, cx.check("realloc return", p, uint64(size), align)
}

// A Codec lifts and lowers values of one type.
type Codec struct {
	Type *types.Value
	// load and store work on memory that was checked to have room for the type
	// at p; lift and lower on exactly as many core values as the type flattens
	// to.
	load  func(cx *Context, p uint32) (Value, error)
	store func(cx *Context, v Value, p uint32) error
	lift  func(cx *Context, flat []uint64) (Value, error)
	lower func(cx *Context, v Value, flat []uint64) error
}

// Params lifts and lowers the parameters or the result of a function.
type Params struct {
	codecs  []*Codec
	offsets []uint32 // in memory, when spilled
	size    uint32
	align   uint32
	Flat    int // core values, when not spilled
	spills  bool
	most    int
}

// CompileParams compiles a list of types that become at most most core values,
// or else go through memory.
func (c *Compiler) CompileParams(ts []*types.Value, most int) *Params {
	p := &Params{align: 1, most: most}
	for _, t := range ts {
		p.codecs = append(p.codecs, c.Compile(t))
		p.size = types.AlignTo(p.size, t.Align)
		p.offsets = append(p.offsets, p.size)
		p.size += t.Size
		p.align = max(p.align, t.Align)
		p.Flat += len(t.Flat)
		p.spills = p.spills || t.Spills
	}
	p.size = types.AlignTo(p.size, p.align)
	p.spills = p.spills || p.Flat > most
	return p
}

// Len is how many values there are.
func (p *Params) Len() int { return len(p.codecs) }

// Spills reports whether the values go through memory, by one pointer.
func (p *Params) Spills() bool { return p.spills }

// Core is how many core values carry the values when they are parameters.
func (p *Params) Core() int {
	if p.spills {
		return 1
	}
	return p.Flat
}

// Lift reads values into vs, which has Len elements: from flat, or from the
// memory that its first element points to.
func (p *Params) Lift(cx *Context, flat []uint64, vs []Value) error {
	if !p.spills {
		for i, c := range p.codecs {
			n := len(c.Type.Flat)
			v, err := c.lift(cx, flat[:n])
			if err != nil {
				return err
			}
			vs[i], flat = v, flat[n:]
		}
		return nil
	}
	base := uint32(flat[0])
	if err := cx.check("values", base, uint64(p.size), p.align); err != nil {
		return err
	}
	for i, c := range p.codecs {
		v, err := c.load(cx, base+p.offsets[i])
		if err != nil {
			return err
		}
		vs[i] = v
	}
	return nil
}

// LowerParams writes values to flat, through memory of the guest's allocator
// if they spill.
func (p *Params) LowerParams(cx *Context, vs []Value, flat []uint64) error {
	if !p.spills {
		return p.lowerFlat(cx, vs, flat)
	}
	base, err := cx.realloc(0, 0, p.align, p.size)
	if err != nil {
		return err
	}
	flat[0] = uint64(base)
	return p.Store(cx, vs, base)
}

func (p *Params) lowerFlat(cx *Context, vs []Value, flat []uint64) error {
	for i, c := range p.codecs {
		n := len(c.Type.Flat)
		if err := c.lower(cx, vs[i], flat[:n]); err != nil {
			return err
		}
		flat = flat[n:]
	}
	return nil
}

// LowerResults writes results to flat, or where the caller's return pointer
// says if they spill.
func (p *Params) LowerResults(cx *Context, vs []Value, flat []uint64, ret uint32) error {
	if !p.spills {
		return p.lowerFlat(cx, vs, flat)
	}
	return p.Store(cx, vs, ret)
}

// Store writes values to memory at base.
func (p *Params) Store(cx *Context, vs []Value, base uint32) error {
	if err := cx.check("return area", base, uint64(p.size), p.align); err != nil {
		return err
	}
	for i, c := range p.codecs {
		if err := c.store(cx, vs[i], base+p.offsets[i]); err != nil {
			return err
		}
	}
	return nil
}
