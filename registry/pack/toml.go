package pack

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

const (
	maxManifest = 1 << 20
	maxNesting  = 64
	maxKeys     = 10_000 // what it costs to tell them apart grows faster than they do
)

// A kind is the kind of a TOML value, as people call it.
type kind string

const (
	tableKind  kind = "a table"
	arrayKind  kind = "a list"
	stringKind kind = "a string"
	intKind    kind = "an integer"
	floatKind  kind = "a float"
	boolKind   kind = "a boolean"
	dateKind   kind = "a date or time"
)

// A node is a TOML value and where it is.
type node struct {
	kind   kind
	offset int
	text   string  // of a string; of a number or boolean, as written
	fields []field // of a table, in order of their first mention
	items  []*node // of a list
	index  map[string]int
	header bool // a table with a line of its own
}

type field struct {
	key    string
	offset int // of the key
	value  *node
}

func newTable(offset int) *node {
	return &node{kind: tableKind, offset: offset, index: make(map[string]int)}
}

// get returns the value of key in a table, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	if i, ok := n.index[key]; ok {
		return n.fields[i].value
	}
	return nil
}

func (n *node) set(key string, offset int, value *node) {
	n.index[key] = len(n.fields)
	n.fields = append(n.fields, field{key, offset, value})
}

// parseTOML returns the document in r as a tree. What is wrong with it as TOML
// goes to r and returns nil.
func parseTOML(r *report) *node {
	t := tree{root: newTable(0)}
	t.table = t.root
	t.parser.Reset(r.data)
	for t.parser.NextExpression() {
		if err := t.add(t.parser.Expression()); err != nil {
			r.errorf(err.offset, "%s", err.text)
			return nil
		}
	}
	if err := t.parser.Error(); err != nil {
		offset := -1
		if e, ok := errors.AsType[*unstable.ParserError](err); ok && len(e.Highlight) > 0 {
			offset = int(t.parser.Range(e.Highlight).Offset)
		}
		r.errorf(offset, "%s", strings.TrimPrefix(err.Error(), "toml: "))
		return nil
	}
	var ignored map[string]any // only this knows all rules about keys that come twice
	if err := toml.Unmarshal(r.data, &ignored); err != nil {
		p := r.at(-1, "%s", strings.TrimPrefix(err.Error(), "toml: "))
		if e, ok := errors.AsType[*toml.DecodeError](err); ok {
			p.Line, p.Column = e.Position()
		}
		r.problems = append(r.problems, p)
		return nil
	}
	return t.root
}

// A tree is a document on its way from expressions to a node.
type tree struct {
	parser unstable.Parser
	root   *node
	table  *node // that key-value expressions go to
	keys   int
}

type treeError struct {
	offset int
	text   string
}

func (t *tree) add(e *unstable.Node) *treeError {
	switch e.Kind {
	case unstable.Table, unstable.ArrayTable:
		if err := t.count(); err != nil {
			return err
		}
		in, last, err := t.walk(t.root, e.Key())
		if err != nil {
			return err
		}
		if t.table, err = t.enter(in, last, e.Kind == unstable.ArrayTable); err != nil {
			return err
		}
		if t.table.header && e.Kind == unstable.Table {
			return &treeError{last.offset, fmt.Sprintf("the table %s is there twice", last.key)}
		}
		t.table.header = true
		return nil
	case unstable.KeyValue:
		return t.assign(t.table, e, 0)
	}
	return nil
}

func (t *tree) count() *treeError {
	if t.keys++; t.keys > maxKeys {
		return &treeError{-1, fmt.Sprintf("more than %d keys and tables", maxKeys)}
	}
	return nil
}

// walk follows all but the last part of a dotted key.
func (t *tree) walk(in *node, key unstable.Iterator) (*node, field, *treeError) {
	last := field{}
	for depth := 0; key.Next(); depth++ {
		if depth > maxNesting {
			return nil, last, &treeError{last.offset, fmt.Sprintf("nested deeper than %d tables", maxNesting)}
		}
		if depth > 0 {
			var err *treeError
			if in, err = t.enter(in, last, false); err != nil {
				return nil, last, err
			}
		}
		k := key.Node()
		last = field{key: string(k.Data), offset: int(k.Raw.Offset)}
	}
	return in, last, nil
}

// enter returns the table at f in in, making it if need be: the last one if f is
// a list, a new one if f is the head of a list's table.
func (t *tree) enter(in *node, f field, element bool) (*node, *treeError) {
	v := in.get(f.key)
	if v == nil {
		v = newTable(f.offset)
		if element {
			v = &node{kind: arrayKind, offset: f.offset}
		}
		in.set(f.key, f.offset, v)
	}
	if v.kind == arrayKind && element {
		v.items = append(v.items, newTable(f.offset))
	}
	if v.kind == arrayKind && len(v.items) > 0 {
		v = v.items[len(v.items)-1]
	}
	if v.kind != tableKind {
		return nil, &treeError{f.offset, fmt.Sprintf("%s is %s already, and no table", f.key, v.kind)}
	}
	return v, nil
}

func (t *tree) assign(in *node, e *unstable.Node, depth int) *treeError {
	in, last, err := t.walk(in, e.Key())
	if err != nil {
		return err
	}
	if in.get(last.key) != nil {
		return &treeError{last.offset, fmt.Sprintf("%s is there twice", last.key)}
	}
	if err := t.count(); err != nil {
		return err
	}
	v, err := t.value(e.Value(), last.offset, depth)
	if err == nil {
		in.set(last.key, last.offset, v)
	}
	return err
}

// value converts a value; around is where something that has no place of its
// own is.
func (t *tree) value(e *unstable.Node, around, depth int) (*node, *treeError) {
	if depth > maxNesting {
		return nil, &treeError{around, fmt.Sprintf("nested deeper than %d values", maxNesting)}
	}
	n := &node{offset: int(e.Raw.Offset), text: string(e.Data)}
	switch e.Kind {
	case unstable.String:
		n.kind = stringKind
	case unstable.Integer:
		n.kind = intKind
	case unstable.Float:
		n.kind = floatKind
	case unstable.Bool:
		n.kind = boolKind
	case unstable.Array:
		n.kind, n.offset = arrayKind, around
		for it := e.Children(); it.Next(); {
			item, err := t.value(it.Node(), around, depth+1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
	case unstable.InlineTable:
		n = newTable(int(e.Raw.Offset))
		for it := e.Children(); it.Next(); {
			if err := t.assign(n, it.Node(), depth+1); err != nil {
				return nil, err
			}
		}
	default:
		n.kind = dateKind
	}
	return n, nil
}

// json returns n as what encoding/json writes as Spin would.
func (n *node) json() (any, error) {
	switch n.kind {
	case tableKind:
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			v, err := f.value.json()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.key, err)
			}
			m[f.key] = v
		}
		return m, nil
	case arrayKind:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			v, err := item.json()
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case stringKind:
		return n.text, nil
	case boolKind:
		return n.text == "true", nil
	case intKind:
		i, err := n.integer()
		return json.Number(strconv.FormatInt(i, 10)), err
	case floatKind:
		return n.float()
	}
	return nil, errors.New("a date or time has no place here")
}

func (n *node) integer() (int64, error) {
	return strconv.ParseInt(strings.ReplaceAll(n.text, "_", ""), 0, 64)
}

func (n *node) float() (any, error) {
	f, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, err
	}
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.Number(s), nil
}
