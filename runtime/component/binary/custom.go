package binary

import "github.com/neutrino-local/neutrino-local/runtime/component/types"

// Names are what the "component-name" section calls things. They are for
// messages only; a malformed section gives no names.
type Names struct {
	Component string
	Sorts     map[Sort]map[uint32]string
}

// A Producer is one entry of the "producers" section.
type Producer struct {
	Field   string // language, processed-by, sdk
	Name    string
	Version string
}

func (d *decoder) custom() {
	at := d.offset()
	name := d.name()
	b := d.bytes(uint32(d.rest()))
	if d.err != nil {
		return
	}
	d.c.Customs = append(d.c.Customs, Custom{name, at, b})
	switch name {
	case "component-name":
		d.c.Names = decodeNames(b)
	case "producers":
		d.c.Producers = append(d.c.Producers, DecodeProducers(b)...)
	}
}

// DecodeProducers decodes the content of a "producers" section, of a component
// or a core module. A malformed one gives nothing.
func DecodeProducers(b []byte) []Producer {
	r := &reader{b: b}
	var out []Producer
	r.each(func(int) {
		field := r.name()
		r.each(func(int) { out = append(out, Producer{field, r.name(), r.name()}) })
	})
	if r.err != nil {
		return nil
	}
	return out
}

func decodeNames(b []byte) Names {
	r := &reader{b: b}
	names := Names{Sorts: map[Sort]map[uint32]string{}}
	for r.rest() > 0 {
		id := r.byte()
		s := r.sub(r.u32())
		switch id {
		case 0:
			names.Component = s.name()
		case 1:
			sort := s.sort()
			m := map[uint32]string{}
			s.each(func(int) { m[s.u32()] = s.name() })
			if s.err == nil {
				names.Sorts[sort] = m
			}
		}
		if r.err != nil || s.err != nil {
			return Names{}
		}
	}
	return names
}

// CoreSort returns the sort of core items of sort s.
func CoreSort(s types.CoreSort) Sort { return Sort{Core: true, Of: s} }
