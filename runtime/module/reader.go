package module

import "fmt"

// Bounds of what a module may declare, those that browsers share. Decoders
// allocate by such counts.
const (
	maxEntries = 1_000_000 // of one vector
	maxValues  = 1_000     // params or results of a function
	maxLocals  = 50_000    // of a function
	maxTables  = 16
)

// A reader reads the binary format from b. After its first error it stays at the
// end and returns zeros, so callers check err once.
type reader struct {
	b   []byte
	at  int // of b in the file
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s at offset 0x%x", fmt.Sprintf(format, args...), r.at)
	}
	r.b = nil
}

func (r *reader) more() bool { return len(r.b) > 0 }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail("unexpected end")
		return 0
	}
	c := r.b[0]
	r.b, r.at = r.b[1:], r.at+1
	return c
}

// take returns a reader of the next n bytes.
func (r *reader) take(n uint64) *reader {
	if n > uint64(len(r.b)) {
		r.fail("length %d is beyond the end", n)
		return &reader{at: r.at, err: r.err}
	}
	part := &reader{b: r.b[:n:n], at: r.at}
	r.b, r.at = r.b[n:], r.at+int(n)
	return part
}

func (r *reader) skip(n uint64) { r.take(n) }

// uint reads an unsigned LEB128 of at most 64 bits.
func (r *reader) uint() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		c := r.byte()
		if shift >= 63 && c > 1 {
			r.fail("integer is too long")
			return 0
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// skipInt skips a LEB128, signed or not.
func (r *reader) skipInt() {
	for i := 0; r.byte() >= 0x80; i++ {
		if i == 10 {
			r.fail("integer is too long")
		}
	}
}

// count reads the length of a vector whose elements take at least size bytes.
func (r *reader) count(what string, size, limit uint64) int {
	n := r.uint()
	if n > limit {
		r.fail("%d %s, the limit is %d", n, what, limit)
		return 0
	}
	if n*size > uint64(len(r.b)) {
		r.fail("%d %s are beyond the end", n, what)
		return 0
	}
	return int(n)
}

func (r *reader) name() string { return string(r.take(r.uint()).b) }

// valueType skips a value type, which may name a heap type.
func (r *reader) valueType() {
	if c := r.byte(); c == 0x63 || c == 0x64 {
		r.skipInt()
	}
}

// limits reads the bounds of a table or memory and returns the lower one.
func (r *reader) limits() uint64 {
	flags := r.byte()
	low := r.uint()
	if flags&1 != 0 {
		r.skipInt()
	}
	return low
}

// expression skips a constant expression.
func (r *reader) expression() {
	for r.err == nil {
		switch op := r.byte(); op {
		case 0x0b: // end
			return
		case 0x23, 0x41, 0x42, 0xd0, 0xd2: // global.get, i32.const, i64.const, ref.null, ref.func
			r.skipInt()
		case 0x43: // f32.const
			r.skip(4)
		case 0x44: // f64.const
			r.skip(8)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // add, sub, mul
		case 0xfd: // v128.const
			r.skipInt()
			r.skip(16)
		default:
			r.fail("instruction 0x%x in a constant expression", op)
		}
	}
}
