package rewrite

import (
	"fmt"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A cursor reads a module. The first fault sticks and ends all input.
type cursor struct {
	b   []byte
	p   int
	end int
	err error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format+" at offset %#x", append(args, c.p)...)
	}
	c.p = c.end
}

func (c *cursor) more() bool { return c.p < c.end }

func (c *cursor) byte() byte {
	if c.p >= c.end {
		c.fail("unexpected end of module")
		return 0
	}
	b := c.b[c.p]
	c.p++
	return b
}

func (c *cursor) u32() uint32 {
	if c.p < c.end && c.b[c.p] < 0x80 { // most numbers are small
		c.p++
		return uint32(c.b[c.p-1])
	}
	v := c.leb(5)
	if v > 0xffffffff {
		c.fail("number of more than 32 bits")
		return 0
	}
	return uint32(v)
}

func (c *cursor) leb(most int) uint64 {
	var v uint64
	for i := range most {
		b := c.byte()
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v
		}
	}
	c.fail("number is too long")
	return 0
}

func (c *cursor) skip(n uint64) {
	if n > uint64(c.end-c.p) {
		c.fail("unexpected end of module")
		return
	}
	c.p += int(n)
}

func (c *cursor) name() string {
	n := c.u32()
	start := c.p
	c.skip(uint64(n))
	if c.err != nil {
		return ""
	}
	if !utf8.Valid(c.b[start:c.p]) {
		c.fail("malformed UTF-8 encoding")
		return ""
	}
	return string(c.b[start:c.p])
}

// count reads the length of a vector whose elements take at least one byte.
func (c *cursor) count() int {
	n := c.u32()
	if uint64(n) > uint64(c.end-c.p) {
		c.fail("%d elements in %d bytes", n, c.end-c.p)
		return 0
	}
	return int(n)
}

func (c *cursor) valType() types.CoreType {
	switch t := types.CoreType(c.byte()); t {
	case types.I32, types.I64, types.CoreF32, types.CoreF64, types.V128, types.FuncRef, types.ExternRef, types.ExnRef:
		return t
	default:
		c.fail("value type %#x is not supported", byte(t))
		return 0
	}
}

func (c *cursor) limits() types.Limits {
	f := c.byte()
	if f > 7 {
		c.fail("malformed limits flags %#x", f)
	}
	l := types.Limits{HasMax: f&1 != 0, Shared: f&2 != 0, Is64: f&4 != 0}
	l.Min = c.leb(10)
	if l.HasMax {
		l.Max = c.leb(10)
	}
	return l
}

// sub returns a cursor of the next n bytes and skips them.
func (c *cursor) sub(n uint32) cursor {
	start := c.p
	c.skip(uint64(n))
	return cursor{b: c.b, p: start, end: c.p, err: c.err}
}
