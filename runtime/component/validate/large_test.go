package validate

import (
	"strings"
	"testing"
)

// TestManyLargeImports imports a type of many parts many times: each import
// costs as much as the type has parts.
func TestManyLargeImports(t *testing.T) {
	var decls, imports strings.Builder
	const n = 10_000
	for i := range n {
		decls.WriteString("\x04\x00" + name("f"+letters(i)) + "\x03\x01") // export a resource
		imports.WriteString("\x00" + name("i"+letters(i)) + "\x05\x00")
	}
	in := preamble + long(7, "\x01\x42"+leb(n)+decls.String()) + long(10, leb(n)+imports.String())
	if _, err := check(in); err == nil || !strings.Contains(err.Error(), "too large together") {
		t.Errorf("got %v, want a refusal for what the types weigh", err)
	}
}

// TestManyLargeExports exports one bundle of many items many times.
func TestManyLargeExports(t *testing.T) {
	var items, exports strings.Builder
	const n = 5_000
	for i := range n {
		items.WriteString("\x00" + name("f"+letters(i)) + "\x03\x00")
		exports.WriteString("\x00" + name("e"+letters(i)) + "\x05\x00\x00")
	}
	in := preamble + section(7, "\x01\x7f") + long(5, "\x01\x01"+leb(n)+items.String()) + long(11, leb(n)+exports.String())
	if _, err := check(in); err == nil || !strings.Contains(err.Error(), "too large together") {
		t.Errorf("got %v, want a refusal for what the types weigh", err)
	}
}

func letters(n int) string {
	return string([]byte{'a' + byte(n/676%26), 'a' + byte(n/26%26), 'a' + byte(n%26)})
}

func leb(n int) string {
	var b []byte
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return string(append(b, byte(n)))
}

func long(id byte, body string) string { return string([]byte{id}) + leb(len(body)) + body }
