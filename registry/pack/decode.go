package pack

import (
	"fmt"
	"slices"
	"strings"
)

// fields says which keys a table may have and what to do with the value of each.
type fields map[string]func(*node)

// table hands each value of n to the function of its key. Other keys are
// problems, and so is a required key that is missing. where names the table.
func (r *report) table(n *node, where string, known fields, required ...string) {
	if n.kind != tableKind {
		r.errorf(n.offset, "%s is %s, want a table", where, n.kind)
		return
	}
	for _, f := range n.fields {
		if set, ok := known[f.key]; ok {
			set(f.value)
			continue
		}
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		hint := suggest(f.key, names)
		if hint == "" && len(names) <= 12 {
			hint = ": known are " + strings.Join(names, ", ")
		}
		r.errorf(f.offset, "unknown key %q in %s%s", f.key, where, hint)
	}
	for _, key := range required {
		if n.get(key) == nil {
			r.errorf(n.offset, "missing field `%s` in %s", key, where)
		}
	}
}

// want reports whether n is of kind k, and if not says so.
func (r *report) want(n *node, what string, k kind) bool {
	if n.kind == k {
		return true
	}
	got := string(n.kind)
	if n.kind == boolKind || n.kind == intKind || n.kind == floatKind {
		got = fmt.Sprintf("%s (%s)", got, n.text)
	}
	r.errorf(n.offset, "%s is %s, want %s", what, got, k)
	return false
}

// str returns a function that stores a string.
func (r *report) str(what string, to *string) func(*node) {
	return func(n *node) {
		if r.want(n, what, stringKind) {
			*to = n.text
		}
	}
}

// boolean returns a function that stores a boolean.
func (r *report) boolean(what string, to *bool) func(*node) {
	return func(n *node) {
		if r.want(n, what, boolKind) {
			*to = n.text == "true"
		}
	}
}

// A placed is a string and where it is.
type placed struct {
	text   string
	offset int
}

func texts(list []placed) []string {
	if len(list) == 0 {
		return nil
	}
	all := make([]string, len(list))
	for i, p := range list {
		all[i] = p.text
	}
	return all
}

// strs returns a function that stores a list of strings.
func (r *report) strs(what string, to *[]placed) func(*node) {
	return func(n *node) {
		if !r.want(n, what, arrayKind) {
			return
		}
		for _, item := range n.items {
			if r.want(item, "an entry of "+what, stringKind) {
				*to = append(*to, placed{item.text, item.offset})
			}
		}
	}
}

// A pair is one entry of a table of strings.
type pair struct {
	key, value          string
	keyOffset, atOffset int
}

// pairs returns a function that stores a table of strings.
func (r *report) pairs(what string, to *[]pair) func(*node) {
	return func(n *node) {
		if !r.want(n, what, tableKind) {
			return
		}
		for _, f := range n.fields {
			if r.want(f.value, what+"."+f.key, stringKind) {
				*to = append(*to, pair{f.key, f.value.text, f.offset, f.value.offset})
			}
		}
	}
}

// tables checks that n is a table of tables and is otherwise content.
func (r *report) tables(what string) func(*node) {
	return func(n *node) {
		if !r.want(n, what, tableKind) {
			return
		}
		for _, f := range n.fields {
			r.want(f.value, what+"."+f.key, tableKind)
		}
	}
}
