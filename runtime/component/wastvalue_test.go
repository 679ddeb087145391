package component

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A wastValue is a component value as scripts write it.
type wastValue struct {
	Type  string
	Value json.RawMessage
}

// value makes the value, for which the type says what the script does not.
func (w wastValue) value(t *types.Value) (Value, error) {
	var s string
	var n uint64
	if json.Unmarshal(w.Value, &s) == nil && t.Kind <= types.F64 && t.Kind > types.Bool {
		i, err := strconv.ParseInt(s, 10, 64)
		n = uint64(i)
		if err != nil {
			n, _ = strconv.ParseUint(s, 10, 64)
		}
	}
	if strings.HasPrefix(s, "nan:") {
		n = map[types.Kind]uint64{types.F32: 0x7fc00000, types.F64: 0x7ff8000000000000}[t.Kind]
	}
	switch t.Kind {
	case types.Bool:
		return abi.Bool(string(w.Value) == "true" || s == "true" || s == "1"), nil
	case types.S8:
		return abi.S8(int8(n)), nil
	case types.U8:
		return abi.U8(uint8(n)), nil
	case types.S16:
		return abi.S16(int16(n)), nil
	case types.U16:
		return abi.U16(uint16(n)), nil
	case types.S32:
		return abi.S32(int32(n)), nil
	case types.U32:
		return abi.U32(uint32(n)), nil
	case types.S64:
		return abi.S64(int64(n)), nil
	case types.U64:
		return abi.U64(n), nil
	case types.F32:
		return abi.F32(math.Float32frombits(uint32(n))), nil
	case types.F64:
		return abi.F64(math.Float64frombits(n)), nil
	case types.Char:
		r, _ := utf8.DecodeRuneInString(s)
		return abi.Char(r), nil
	case types.String:
		return abi.String(s), nil
	}
	return w.compound(t)
}

func (w wastValue) compound(t *types.Value) (Value, error) {
	switch t.Kind {
	case types.List, types.FixedList, types.Map:
		return w.parts(func(int) *types.Value { return t.ListElem() }, abi.List)
	case types.Tuple:
		return w.parts(func(i int) *types.Value { return t.Fields[i].Type }, abi.Record)
	case types.Record:
		var pairs [][2]json.RawMessage
		if err := json.Unmarshal(w.Value, &pairs); err != nil {
			return Value{}, err
		}
		var vs []Value
		for i, p := range pairs {
			var f wastValue
			if err := json.Unmarshal(p[1], &f); err != nil {
				return Value{}, err
			}
			v, err := f.value(t.Fields[i].Type)
			if err != nil {
				return Value{}, err
			}
			vs = append(vs, v)
		}
		return abi.Record(vs...), nil
	case types.Flags:
		var names []string
		if err := json.Unmarshal(w.Value, &names); err != nil {
			return Value{}, err
		}
		bits := uint32(0)
		for _, n := range names {
			bits |= 1 << slices.Index(t.Labels, n)
		}
		return abi.Flags(bits), nil
	}
	return w.variant(t)
}

func (w wastValue) parts(elem func(int) *types.Value, build func(...Value) Value) (Value, error) {
	var list []wastValue
	if err := json.Unmarshal(w.Value, &list); err != nil {
		return Value{}, err
	}
	vs := make([]Value, len(list))
	for i, e := range list {
		v, err := e.value(elem(i))
		if err != nil {
			return Value{}, err
		}
		vs[i] = v
	}
	return build(vs...), nil
}

func (w wastValue) variant(t *types.Value) (Value, error) {
	name, payload := "", (*wastValue)(nil)
	switch t.Kind {
	case types.Enum:
		if err := json.Unmarshal(w.Value, &name); err != nil {
			return Value{}, err
		}
	case types.Option:
		name = "none"
		if len(w.Value) > 0 && string(w.Value) != "null" {
			name, payload = "some", new(wastValue)
			if err := json.Unmarshal(w.Value, payload); err != nil {
				return Value{}, err
			}
		}
	case types.Result:
		var r map[string]*wastValue
		if err := json.Unmarshal(w.Value, &r); err != nil {
			return Value{}, err
		}
		name = "ok"
		payload = r["Ok"]
		if e, bad := r["Err"]; bad {
			name, payload = "error", e
		}
	case types.Variant:
		var v struct {
			Case    string
			Payload *wastValue
		}
		if err := json.Unmarshal(w.Value, &v); err != nil {
			return Value{}, err
		}
		name, payload = v.Case, v.Payload
	default:
		return Value{}, fmt.Errorf("%w: value of type %s", errSkip, t.Kind)
	}
	i := slices.IndexFunc(t.AsCases(), func(c types.Case) bool { return c.Name == name })
	if i < 0 {
		return Value{}, fmt.Errorf("no case %q in %s", name, t)
	}
	if payload == nil || t.AsCases()[i].Type == nil {
		return abi.Case(i), nil
	}
	p, err := payload.value(t.AsCases()[i].Type)
	return abi.Variant(i, p), err
}

// format writes a value so that equal ones look equal.
func format(v Value) string {
	switch v.Kind() {
	case 0:
		return "()"
	case types.Bool:
		return fmt.Sprint(v.Bool())
	case types.U8, types.U16, types.U32, types.U64:
		return fmt.Sprint(v.U64())
	case types.S8, types.S16, types.S32, types.S64:
		return fmt.Sprint(v.S64())
	case types.F32:
		return fmt.Sprint(v.F32())
	case types.F64:
		return fmt.Sprint(v.F64())
	case types.Char:
		return strconv.QuoteRune(v.Char())
	case types.String:
		return strconv.Quote(v.Text())
	case types.Flags:
		return fmt.Sprintf("flags(%b)", v.Flags())
	case types.Variant:
		return fmt.Sprintf("case %d(%s)", v.Case(), format(v.Payload()))
	case types.Own, types.Borrow:
		return "handle"
	}
	var parts []string
	for _, p := range v.Values() {
		parts = append(parts, format(p))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}
