package module

import (
	"encoding/binary"
	"fmt"
)

// TableLimit is the most elements that a table may have.
const TableLimit = 1_000_000

// A table is one entry of the table section.
type table struct {
	before  []byte // prefix and type
	low     uint64
	high    uint64
	bounded bool   // there is a high
	after   []byte // initial value
}

func readTable(r *reader) table {
	start := r.b
	read := func() []byte { // what was read since start
		n := len(start) - len(r.b)
		if r.err != nil {
			return nil
		}
		part := start[:n]
		start = r.b
		return part
	}
	initialised := r.more() && r.b[0] == 0x40
	if initialised {
		r.skip(2)
	}
	r.valueType()
	t := table{before: read()}
	flags := r.byte()
	t.low, t.bounded = r.uint(), flags&1 != 0
	if t.bounded {
		t.high = r.uint()
	}
	if flags > 1 {
		r.fail("table of form %d", flags)
	}
	if t.low > TableLimit {
		r.fail("table of %d elements, the limit is %d", t.low, TableLimit)
	}
	read()
	if initialised {
		r.expression()
		t.after = read()
	}
	return t
}

// BoundTables returns the module b with a maximum of TableLimit for each of its
// own tables, which can then grow no further. Nothing else in it changes. The
// module must have an outline.
func BoundTables(b []byte) ([]byte, error) {
	r := &reader{b: b[preamble:], at: preamble}
	for r.err == nil && r.more() {
		start := r.at
		id := r.byte()
		section := r.take(r.uint())
		if id != 4 {
			continue
		}
		n := section.count("tables", 3, maxTables)
		content := binary.AppendUvarint(nil, uint64(n))
		for range n {
			t := readTable(section)
			if !t.bounded || t.high > TableLimit {
				t.high = TableLimit
			}
			content = append(content, t.before...)
			content = append(content, 1)
			content = binary.AppendUvarint(content, t.low)
			content = binary.AppendUvarint(content, t.high)
			content = append(content, t.after...)
		}
		if section.err != nil {
			return nil, fmt.Errorf("section %d: %w", id, section.err)
		}
		out := append(make([]byte, 0, len(b)+len(content)+8), b[:start]...)
		out = binary.AppendUvarint(append(out, id), uint64(len(content)))
		return append(append(out, content...), r.b...), nil
	}
	return b, r.err
}
