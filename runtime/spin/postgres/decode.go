package postgres

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

var errShape = errors.New("the server's value has another form than its type")

// decode reads a value of a kind in the server's binary form; nil is NULL. What
// it returns shares nothing with b.
func decode(k kind, b []byte) (value, error) {
	if b == nil {
		return value{kind: kindNull}, nil
	}
	r := &input{b: b}
	var v any
	switch k {
	case kindBoolean:
		v = r.int(1) != 0
	case kindInt16:
		v = r.int(2)
	case kindInt32:
		v = r.int(4)
	case kindInt64:
		v = r.int(8)
	case kindFloat32:
		v = float64(math.Float32frombits(uint32(r.int(4))))
	case kindFloat64:
		v = math.Float64frombits(uint64(r.int(8)))
	case kindString:
		v = r.text(len(b))
	case kindDate:
		v = r.time(r.int(4), 0)
	case kindTime:
		v = r.time(0, r.int(8))
	case kindDatetime:
		v = r.datetime()
	case kindUUID:
		id, err := uuid.FromBytes(r.take(len(b)))
		r.fail(err)
		v = id.String()
	case kindJSONB:
		v = r.jsonb()
	case kindDecimal:
		v = r.decimal()
	case kindRangeInt32, kindRangeInt64, kindRangeDecimal:
		v = r.bounds(k)
	case kindArrayInt32, kindArrayInt64, kindArrayDecimal, kindArrayString:
		v = r.array(k)
	case kindInterval:
		v = interval{r.int(8), int32(r.int(4)), int32(r.int(4))}
	default:
		v = bytes.Clone(r.take(len(b)))
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = errShape
	}
	return value{k, v}, r.err
}

// An input is read from its beginning; after an error it reads zeros.
type input struct {
	b   []byte
	err error
}

func (r *input) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// take returns the next n bytes, or nil.
func (r *input) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(errShape)
	}
	if r.err != nil {
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// int reads a signed integer of n bytes.
func (r *input) int(n int) int64 {
	b := r.take(n)
	switch len(b) {
	case 1:
		return int64(int8(b[0]))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(b)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case 8:
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *input) text(n int) string {
	b := r.take(n)
	if !utf8.Valid(b) {
		r.fail(errors.New("invalid UTF-8"))
	}
	return string(b)
}

// Days and microseconds count from the beginning of 2000.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const microsOfDay = 24 * 60 * 60 * 1_000_000

// time makes the parts of a time that is days and microseconds after the epoch.
func (r *input) time(days, micros int64) [7]int64 {
	if days == math.MaxInt32 || days == math.MinInt32 || micros < 0 || micros > microsOfDay {
		r.fail(errors.New("value too large to decode"))
		return [7]int64{}
	}
	t := epoch.AddDate(0, 0, int(days))
	seconds := micros / 1_000_000
	return [7]int64{int64(t.Year()), int64(t.Month()), int64(t.Day()), seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000 * 1000}
}

func (r *input) datetime() [7]int64 {
	micros := r.int(8)
	if micros == math.MaxInt64 || micros == math.MinInt64 {
		r.fail(errors.New("value too large to decode"))
		return [7]int64{}
	}
	days, rest := micros/microsOfDay, micros%microsOfDay
	if rest < 0 {
		days, rest = days-1, rest+microsOfDay
	}
	return r.time(days, rest)
}

// jsonb reads a document, and returns it without the server's blanks.
func (r *input) jsonb() []byte {
	if r.int(1) != 1 {
		r.fail(errShape)
	}
	var b bytes.Buffer
	r.fail(json.Compact(&b, r.take(len(r.b))))
	return b.Bytes()
}

// Signs of decimals.
const (
	plus  = 0x0000
	minus = 0x4000
)

// maxDecimal is how many digits a number may have on each side of the point.
const maxDecimal = 64

// decimal reads a number of digits to base 10,000, and writes as many digits
// behind the point as it has.
func (r *input) decimal() string {
	n, weight, sign, scale := int(r.int(2)), int(r.int(2)), int(r.int(2)), int(r.int(2))
	if r.err != nil || n < 0 || 2*n != len(r.b) || scale < 0 || sign != plus && sign != minus {
		r.fail(errors.New("not a number, or without an end"))
		return ""
	}
	if weight >= maxDecimal/4 || scale > maxDecimal {
		r.fail(errors.New("the number has too many digits"))
		return ""
	}
	digits := make([]int64, n)
	for i := range digits {
		if digits[i] = r.int(2); digits[i] < 0 || digits[i] > 9999 {
			r.fail(errShape)
			return ""
		}
	}
	var b strings.Builder
	write := func(i int) {
		d := int64(0)
		if i >= 0 && i < n {
			d = digits[i]
		}
		for _, unit := range []int64{1000, 100, 10, 1} {
			b.WriteByte('0' + byte(d/unit%10))
		}
	}
	for i := 0; i <= weight; i++ {
		write(i)
	}
	whole := strings.TrimLeft(b.String(), "0")
	b.Reset()
	for i := 1; b.Len() < scale; i++ {
		write(weight + i)
	}
	text := "0"
	if whole != "" {
		text = whole
	}
	if scale > 0 {
		text += "." + b.String()[:scale]
	}
	if sign == minus {
		text = "-" + text
	}
	return text
}

// element reads an element of a range or an array.
func (r *input) element(k kind, n int) any {
	inner := &input{b: r.take(n)}
	var v any
	switch k {
	case kindRangeInt32, kindArrayInt32:
		v = inner.int(4)
	case kindRangeInt64, kindArrayInt64:
		v = inner.int(8)
	case kindRangeDecimal, kindArrayDecimal:
		v = inner.decimal()
	default:
		v = inner.text(len(inner.b))
	}
	if len(inner.b) > 0 {
		inner.fail(errShape)
	}
	r.fail(inner.err)
	return v
}

// Flags of ranges.
const (
	rangeEmpty     = 0x01
	lowerInclusive = 0x02
	upperInclusive = 0x04
	lowerInfinite  = 0x08
	upperInfinite  = 0x10
)

func (r *input) bounds(k kind) bounds {
	flags := r.int(1)
	var v bounds
	if flags&rangeEmpty != 0 {
		return v
	}
	if flags&lowerInfinite == 0 {
		v.lower = bound{r.element(k, int(r.int(4))), flags&lowerInclusive == 0}
	}
	if flags&upperInfinite == 0 {
		v.upper = bound{r.element(k, int(r.int(4))), flags&upperInclusive == 0}
	}
	return v
}

func (r *input) array(k kind) []any {
	dimensions := r.int(4)
	r.take(8) // whether there are NULLs, and the type of the elements
	if dimensions == 0 {
		return nil
	}
	if dimensions != 1 {
		r.fail(errors.New("array contains too many dimensions"))
		return nil
	}
	n := int(r.int(4))
	r.take(4) // the first index
	if n < 0 || 4*n > len(r.b) {
		r.fail(errShape)
	}
	if n > maxResult/valueSize {
		r.fail(errTooLarge)
	}
	if r.err != nil {
		return nil
	}
	all := make([]any, n)
	for i := range all {
		if size := int(r.int(4)); size >= 0 {
			all[i] = r.element(k, size)
		}
	}
	return all
}
