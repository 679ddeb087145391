package binary

import (
	"fmt"
	"unicode/utf8"
)

// A reader walks over bytes. The first fault sticks: all later reads return
// zeros, so callers check once, at the end of what they read.
type reader struct {
	b     []byte
	pos   int
	base  int // offset of b[0] in the file
	depth int
	err   *Error
}

func (r *reader) offset() int { return r.base + r.pos }

func (r *reader) failAt(offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Err: fmt.Errorf(format, args...)}
	}
}

func (r *reader) fail(format string, args ...any) { r.failAt(r.offset(), format, args...) }

// in puts a place before the path of a fault that happened since ok was taken.
func (r *reader) in(ok bool, place string) {
	if !ok || r.err == nil {
		return
	}
	if r.err.Path == "" {
		r.err.Path = place
	} else {
		r.err.Path = place + ": " + r.err.Path
	}
}

func (r *reader) rest() int {
	if r.err != nil {
		return 0
	}
	return len(r.b) - r.pos
}

func (r *reader) byte() byte {
	if r.rest() < 1 {
		r.fail("unexpected end")
		return 0
	}
	b := r.b[r.pos]
	r.pos++
	return b
}

func (r *reader) peek() byte {
	if r.rest() < 1 {
		r.fail("unexpected end")
		return 0
	}
	return r.b[r.pos]
}

func (r *reader) bytes(n uint32) []byte {
	if uint64(n) > uint64(r.rest()) {
		r.fail("unexpected end: %d bytes expected, %d left", n, r.rest())
		return nil
	}
	b := r.b[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// sub returns a reader of the next n bytes.
func (r *reader) sub(n uint32) *reader {
	at := r.offset()
	return &reader{b: r.bytes(n), base: at, depth: r.depth, err: r.err}
}

// done fails if bytes are left, and hands a fault of sub r to parent.
func (r *reader) done(parent *reader) {
	if r.err == nil && r.rest() > 0 {
		r.fail("%d bytes too many", r.rest())
	}
	if parent.err == nil {
		parent.err = r.err
	}
}

func (r *reader) u32() uint32 {
	at := r.offset()
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if v > 0xffffffff {
				break
			}
			return uint32(v)
		}
	}
	r.failAt(at, "invalid LEB128 number of 32 bits")
	return 0
}

// u64 reads the limits of 64-bit memories.
func (r *reader) u64() uint64 {
	at := r.offset()
	var v uint64
	for shift := 0; shift < 70; shift += 7 {
		b := r.byte()
		if shift == 63 && b > 1 {
			break
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
	r.failAt(at, "invalid LEB128 number of 64 bits")
	return 0
}

// typeIndex reads an s33 that must not be negative.
func (r *reader) typeIndex() uint32 {
	at := r.offset()
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.byte()
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			if b&0x40 != 0 || v > 0xffffffff {
				break
			}
			return uint32(v)
		}
	}
	r.failAt(at, "invalid type index")
	return 0
}

func (r *reader) name() string {
	at := r.offset()
	b := r.bytes(r.u32())
	if !utf8.Valid(b) {
		r.failAt(at, "name is not valid UTF-8")
		return ""
	}
	return string(b)
}

func (r *reader) bool(what string) bool {
	at := r.offset()
	switch b := r.byte(); b {
	case 0:
		return false
	case 1:
		return true
	default:
		r.failAt(at, "invalid %s %#x", what, b)
		return false
	}
}

// each reads a vector: f reads its i-th element.
func (r *reader) each(f func(i int)) {
	n := r.u32()
	if uint64(n) > uint64(r.rest()) {
		r.fail("%d elements in %d bytes", n, r.rest())
		return
	}
	for i := range int(n) {
		if r.err != nil {
			return
		}
		f(i)
	}
}

// vec reads a vector of what read reads.
func vec[T any](r *reader, read func() T) []T {
	var out []T
	r.each(func(int) { out = append(out, read()) })
	return out
}

// nest runs f one level deeper.
func (r *reader) nest(f func()) {
	if r.depth++; r.depth > MaxDepth {
		r.fail("nested more than %d deep", MaxDepth)
		return
	}
	f()
	r.depth--
}
