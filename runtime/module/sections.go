package module

import "strings"

func types(r *reader) {
	for range r.count("types", 2, maxEntries) {
		if form := r.byte(); form != recursive {
			function(r, form)
			continue
		}
		for range r.count("types in a group", 3, maxEntries) {
			function(r, r.byte())
		}
	}
}

const recursive = 0x4e // a group of types

func function(r *reader, form byte) {
	if form != 0x60 {
		r.fail("type of form 0x%x", form)
	}
	for range 2 { // params and results
		for range r.count("values", 1, maxValues) {
			r.valueType()
		}
	}
}

func element(r *reader) {
	flags := r.uint()
	passive, explicit, expressions := flags&1 != 0, flags&2 != 0, flags&4 != 0
	if flags > 7 {
		r.fail("element segment of form %d", flags)
	}
	if !passive {
		if explicit {
			r.skipInt() // table
		}
		r.expression()
	}
	if passive || explicit {
		if expressions {
			r.valueType()
		} else {
			r.byte() // kind
		}
	}
	for range r.count("elements", 1, maxEntries) {
		if expressions {
			r.expression()
		} else {
			r.skipInt()
		}
	}
}

// locals reads the body of a function as far as its locals.
func (r *reader) locals() {
	body := r.take(r.uint())
	total := uint64(0)
	for range body.count("groups of locals", 2, maxLocals) {
		n := body.uint()
		body.valueType()
		if total += n; n > maxLocals || total > maxLocals {
			body.fail("more than %d locals in a function", maxLocals)
		}
	}
	if body.err != nil && r.err == nil {
		r.err, r.b = body.err, nil
	}
}

func data(r *reader) {
	flags := r.uint()
	if flags > 2 {
		r.fail("data segment of form %d", flags)
	}
	if flags == 2 {
		r.skipInt() // memory
	}
	if flags != 1 {
		r.expression()
	}
	r.skip(r.uint())
}

// ActiveData reports whether instantiating the module b writes into a memory.
func ActiveData(b []byte) (bool, error) {
	r := &reader{b: b[preamble:], at: preamble}
	for r.err == nil && r.more() {
		id := r.byte()
		section := r.take(r.uint())
		if id != 11 {
			continue
		}
		for range section.count("data segments", 2, maxEntries) {
			if passive := section.more() && section.b[0] == 1; !passive {
				return true, section.err
			}
			data(section)
		}
		return false, section.err
	}
	return false, r.err
}

// custom checks the name section, which decoders read; of others only the name.
func (o *Outline) custom(r *reader) {
	name := r.name()
	o.World = o.World || strings.HasPrefix(name, "component-type")
	if name != "name" {
		return
	}
	for r.err == nil && r.more() {
		id := r.byte()
		sub := r.take(r.uint())
		switch id {
		case 0:
			sub.name()
		case 1:
			names(sub)
		case 2:
			for range sub.count("functions with local names", 2, maxEntries) {
				sub.skipInt()
				names(sub)
			}
		}
		if sub.err != nil && r.err == nil {
			r.err, r.b = sub.err, nil
		}
	}
}

func names(r *reader) {
	for range r.count("names", 2, maxEntries) {
		r.skipInt()
		r.skip(r.uint())
	}
}
