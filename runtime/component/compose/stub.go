package compose

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// path returns an interface's name without its version.
func path(name string) string {
	p, _, _ := strings.Cut(name, "@")
	return p
}

// A stub is the core module behind a denied interface. Its functions answer with
// values that are laid out in its memory beforehand.
type stub struct {
	*module
	interfaceName string
	owned         []*types.Resource
	made          []*types.Resource // for which it needs resource.new
}

func (s *stub) resource(r *types.Resource) { s.owned = append(s.owned, r) }

// function adds the core function for f.
func (s *stub) function(f *types.Func, name string) {
	params, spills := types.FlattenFields(f.Params)
	if spills {
		params = []types.CoreType{types.I32}
	}
	s.begin()
	v := f.Result
	switch {
	case v == nil:
		s.end(params, nil)
	case v.Kind == types.Own && slices.Contains(s.owned, v.Resource):
		s.call(s.maker(v.Resource))
		s.end(params, v.Flat)
	case !v.Spills && len(v.Flat) == 1:
		if v.Kind == types.Result {
			s.constant(1)
		} else {
			s.unreachable()
		}
		s.end(params, v.Flat)
	default:
		at := s.alloc(v.Size, v.Align)
		if s.answer(at, v, stringParam(f, spills)) {
			s.constant(int32(at))
		} else {
			s.unreachable()
		}
		s.end(params, []types.CoreType{types.I32})
	}
}

func (s *stub) maker(r *types.Resource) int {
	i := slices.Index(s.made, r)
	if i < 0 {
		i = len(s.made)
		s.made = append(s.made, r)
	}
	return i
}

// stringParam returns the first of the core parameters that are a string, or -1.
func stringParam(f *types.Func, spills bool) int {
	at := 0
	for _, p := range f.Params {
		if spills || p.Type.Spills {
			return -1
		}
		if p.Type.Kind == types.String {
			return at
		}
		at += len(p.Type.Flat)
	}
	return -1
}

// answer writes what a function returns to at: an error, or nothing. It reports
// whether the type has such a value.
func (s *stub) answer(at uint32, v *types.Value, echo int) bool {
	switch v.Kind {
	case types.Result:
		s.put(at, 1)
		return v.Err == nil || s.fault(at+types.PayloadOffset(v.AsCases()), v.Err, echo)
	case types.List, types.String, types.Map:
		s.put32(at, dataStart)
		return true
	case types.Option:
		return true
	}
	return false
}

// faults are the cases of error types that say that something is not allowed, the
// best one first.
var faults = []string{
	"access-denied", "undefined", "model-not-supported", "destination-not-allowed", "internal-error", "io", "other", "other-error", "error",
}

// fault writes an error of type v.
func (s *stub) fault(at uint32, v *types.Value, echo int) bool {
	switch v.Kind {
	case types.String:
		s.message(at)
		return true
	case types.Enum:
		for _, name := range faults {
			if i := slices.Index(v.Labels, name); i >= 0 {
				s.discriminant(at, i, len(v.Labels))
				return true
			}
		}
	case types.Variant:
		for _, name := range faults {
			i := slices.IndexFunc(v.Cases, func(c types.Case) bool { return c.Name == name })
			if i >= 0 && s.payload(at+types.PayloadOffset(v.Cases), v.Cases[i], echo) {
				s.discriminant(at, i, len(v.Cases))
				return true
			}
		}
	}
	return false
}

func (s *stub) payload(at uint32, c types.Case, echo int) bool {
	switch t := c.Type; {
	case t == nil:
		return true
	case t.Kind == types.String && c.Name == "undefined" && echo >= 0: // by the name that was asked for
		s.store(at, echo)
		s.store(at+4, echo+1)
		return true
	case t.Kind == types.String:
		s.message(at)
		return true
	case t.Kind == types.Option && t.Elem.Kind == types.String:
		s.put(at, 1)
		s.message(at + types.PayloadOffset(t.AsCases()))
		return true
	}
	return false
}

// message writes a string that says what is denied.
func (s *stub) message(at uint32) {
	text := fmt.Sprintf("%q is not permitted", s.interfaceName)
	to := s.alloc(uint32(len(text)), 1)
	if !s.full {
		copy(s.data[to-dataStart:], text)
	}
	s.put32(at, to)
	s.put32(at+4, uint32(len(text)))
}

func (s *stub) discriminant(at uint32, i, n int) {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], uint32(i))
	for k := range types.DiscriminantSize(n) {
		s.put(at+k, b[k])
	}
}
