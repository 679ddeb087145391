package abi

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

const (
	maxStringBytes = 1<<28 - 1 // MAX_STRING_BYTE_LENGTH
	utf16Tag       = 1 << 31
)

func compileString(c *Codec) {
	c.load = func(cx *Context, p uint32) (Value, error) {
		b := cx.mem[p : p+8]
		return cx.liftString(uint32(loadInt(b, 4)), uint32(loadInt(b[4:], 4)))
	}
	c.lift = func(cx *Context, flat []uint64) (Value, error) {
		return cx.liftString(uint32(flat[0]), uint32(flat[1]))
	}
	c.store = func(cx *Context, v Value, p uint32) error {
		base, units, err := cx.lowerString(v)
		if err != nil {
			return err
		}
		storeInt(cx.mem[p:], 4, uint64(base))
		storeInt(cx.mem[p+4:], 4, uint64(units))
		return nil
	}
	c.lower = func(cx *Context, v Value, flat []uint64) error {
		base, units, err := cx.lowerString(v)
		flat[0], flat[1] = uint64(base), uint64(units)
		return err
	}
}

// liftString is load_string_from_range.
func (cx *Context) liftString(base, tagged uint32) (Value, error) {
	size, align, f := uint64(tagged), uint32(1), formUTF8
	switch {
	case cx.Encoding == UTF16:
		size, align, f = 2*size, 2, formUTF16
	case cx.Encoding == Latin1UTF16 && tagged&utf16Tag != 0:
		size, align, f = 2*uint64(tagged^utf16Tag), 2, formWide
	case cx.Encoding == Latin1UTF16:
		align, f = 2, formLatin1
	}
	if size > maxStringBytes {
		return Value{}, Trapf("string of %d bytes is too long", size)
	}
	if err := cx.check("string", base, size, align); err != nil {
		return Value{}, err
	}
	if err := cx.charge(2 * int(size)); err != nil {
		return Value{}, err
	}
	s, err := decodeString(cx.mem[base:base+uint32(size)], f)
	v := String(s)
	v.form = f
	return v, err
}

func decodeString(b []byte, f form) (string, error) {
	switch f {
	case formUTF8:
		if !utf8.Valid(b) {
			return "", Trapf("string is not valid UTF-8 (invalid utf-8 or incomplete utf-8 byte sequence)")
		}
		return string(b), nil // copies: the guest may change b
	case formLatin1:
		var s strings.Builder
		for _, c := range b {
			s.WriteRune(rune(c))
		}
		return s.String(), nil
	}
	return decodeUTF16(b)
}

func decodeUTF16(b []byte) (string, error) {
	var s strings.Builder
	s.Grow(len(b) / 2)
	for len(b) > 0 {
		r := rune(binary.LittleEndian.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) {
			if len(b) < 2 {
				return "", Trapf("string is not valid UTF-16 (unpaired surrogate)")
			}
			if r = utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(b))); r == utf8.RuneError {
				return "", Trapf("string is not valid UTF-16 (unpaired surrogate)")
			}
			b = b[2:]
		}
		s.WriteRune(r)
	}
	return s.String(), nil
}

// lowerString is store_string_into_range: which sequence of allocations the
// guest sees depends on the encodings of both sides.
func (cx *Context) lowerString(v Value) (base, tagged uint32, err error) {
	if v.kind != types.String {
		return 0, 0, shapeTrap(v, "a string")
	}
	s := v.Text()
	if v.form == formUTF8 {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if len(s) > maxStringBytes {
		return 0, 0, Trapf("string of %d bytes is too long for the guest", len(s))
	}
	units := sourceUnits(s, v.form)
	switch cx.Encoding {
	case UTF8:
		if v.form == formUTF8 {
			return cx.copyString(s, units, 1)
		}
		worst := 3 * units
		if v.form == formLatin1 {
			worst = 2 * units
		}
		return cx.toUTF8(s, units, worst)
	case UTF16:
		if v.form == formUTF8 {
			return cx.utf8ToUTF16(s, units)
		}
		base, err = cx.realloc(0, 0, 2, 2*units)
		cx.putUTF16(s, base, err)
		return base, units, err
	}
	switch v.form {
	case formLatin1:
		if base, err = cx.realloc(0, 0, 2, units); err == nil {
			putLatin1(cx.mem[base:], s)
		}
		return base, units, err
	case formWide:
		return cx.wideToLatin1(s, units)
	}
	return cx.toLatin1OrUTF16(s, units)
}

// sourceUnits is how many code units s had where it came from.
func sourceUnits(s string, f form) uint32 {
	switch f {
	case formUTF16, formWide:
		return utf16Len(s)
	case formLatin1:
		return uint32(utf8.RuneCountInString(s))
	}
	return uint32(len(s))
}

func utf16Len(s string) (n uint32) {
	for _, r := range s {
		n++
		if r >= 0x10000 {
			n++
		}
	}
	return n
}

func (cx *Context) putUTF16(s string, base uint32, err error) {
	if err != nil {
		return
	}
	b := cx.mem[base:]
	for _, r := range s {
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			binary.LittleEndian.PutUint16(b, uint16(hi))
			b = b[2:]
			r = lo
		}
		binary.LittleEndian.PutUint16(b, uint16(r))
		b = b[2:]
	}
}

// putLatin1 writes runes below 256 and returns how many bytes of s it took.
func putLatin1(b []byte, s string) (n, took int) {
	for i, r := range s {
		if r > 0xff {
			return n, i
		}
		b[n] = byte(r)
		n++
	}
	return n, len(s)
}

func (cx *Context) copyString(s string, units, align uint32) (uint32, uint32, error) {
	base, err := cx.realloc(0, 0, align, units)
	if err != nil {
		return 0, 0, err
	}
	copy(cx.mem[base:], s)
	return base, units, nil
}

// toUTF8 is store_string_to_utf8: it hopes for ASCII.
func (cx *Context) toUTF8(s string, units, worst uint32) (uint32, uint32, error) {
	base, err := cx.realloc(0, 0, 1, units)
	if err != nil {
		return 0, 0, err
	}
	if size := uint32(len(s)); size > units { // not ASCII
		ascii := uint32(strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }))
		copy(cx.mem[base:], s[:ascii])
		if base, err = cx.realloc(base, units, 1, worst); err != nil {
			return 0, 0, err
		}
		copy(cx.mem[base+ascii:], s[ascii:])
		if worst > size {
			base, err = cx.realloc(base, worst, 1, size)
		}
		return base, size, err
	}
	copy(cx.mem[base:], s)
	return base, units, nil
}

func (cx *Context) utf8ToUTF16(s string, units uint32) (uint32, uint32, error) {
	worst := 2 * units
	base, err := cx.realloc(0, 0, 2, worst)
	if err != nil {
		return 0, 0, err
	}
	cx.putUTF16(s, base, nil)
	n := utf16Len(s)
	if 2*n < worst {
		base, err = cx.realloc(base, worst, 2, 2*n)
	}
	return base, n, err
}

// toLatin1OrUTF16 is store_string_to_latin1_or_utf16: it hopes for Latin-1.
func (cx *Context) toLatin1OrUTF16(s string, units uint32) (uint32, uint32, error) {
	base, err := cx.realloc(0, 0, 2, units)
	if err != nil {
		return 0, 0, err
	}
	n, took := putLatin1(cx.mem[base:], s)
	if took == len(s) {
		if uint32(n) < units {
			base, err = cx.realloc(base, units, 2, uint32(n))
		}
		return base, uint32(n), err
	}
	worst := 2 * units
	if base, err = cx.realloc(base, units, 2, worst); err != nil {
		return 0, 0, err
	}
	cx.putUTF16(s, base, nil)
	wide := utf16Len(s)
	if 2*wide < worst {
		base, err = cx.realloc(base, worst, 2, 2*wide)
	}
	return base, wide | utf16Tag, err
}

// wideToLatin1 is store_probably_utf16_to_latin1_or_utf16.
func (cx *Context) wideToLatin1(s string, units uint32) (uint32, uint32, error) {
	base, err := cx.realloc(0, 0, 2, 2*units)
	if err != nil {
		return 0, 0, err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r > 0xff }) {
		cx.putUTF16(s, base, nil)
		return base, units | utf16Tag, nil
	}
	putLatin1(cx.mem[base:], s)
	base, err = cx.realloc(base, 2*units, 1, units)
	return base, units, err
}
