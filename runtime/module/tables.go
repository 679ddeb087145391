package module

// TableLimit is the most elements that a table may have.
const TableLimit = 1_000_000

// table reads one entry of the table section.
func table(r *reader) {
	initialised := r.more() && r.b[0] == 0x40
	if initialised {
		r.skip(2)
	}
	r.valueType()
	flags := r.byte()
	low := r.uint()
	if flags&1 != 0 {
		r.uint()
	}
	if flags > 1 {
		r.fail("table of form %d", flags)
	}
	if low > TableLimit {
		r.fail("table of %d elements, the limit is %d", low, TableLimit)
	}
	if initialised {
		r.expression()
	}
}
