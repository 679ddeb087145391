package rewrite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listNames prints a name section.
func listNames(t *testing.T, wasm []byte) string {
	t.Helper()
	m, err := Parse(wasm)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, custom := range m.Customs {
		fmt.Fprintf(&out, "section %s\n", custom.Name)
		if custom.Name != "name" {
			continue
		}
		c := &cursor{b: custom.Bytes, end: len(custom.Bytes)}
		for c.more() {
			id := c.byte()
			sub := c.sub(c.u32())
			switch id {
			case 0:
				fmt.Fprintf(&out, "module %s\n", sub.name())
			case namesLocals, namesLabels:
				for range sub.count() {
					f := sub.u32()
					for range sub.count() {
						fmt.Fprintf(&out, "names %d: function %d, %d %s\n", id, f, sub.u32(), sub.name())
					}
				}
			default:
				for range sub.count() {
					fmt.Fprintf(&out, "names %d: %d %s\n", id, sub.u32(), sub.name())
				}
			}
			if sub.err != nil || sub.more() {
				t.Fatalf("names %d: %v", id, sub.err)
			}
		}
	}
	return out.String()
}

// TestNames puts the added functions among the others.
func TestNames(t *testing.T) {
	names := sect(sectionCustom, name("name"),
		"\x00\x04", name("mod"),
		"\x01\x0b\x02\x00", name("log"), "\x01", name("run"),
		"\x02\x0e\x02\x00\x01\x00", name("a"), "\x01\x02\x00", name("b"), "\x01", name("c"),
		"\x03\x06\x01\x01\x01\x00", name("l"),
		"\x07\x06\x01\x01", name("sum"))
	wasm := strings.Replace(module("\x41\x00\x41\x00\x3f\x00\xfc\x0b\x00"), sect(sectionCustom, name("name"), "\x01\x06\x01\x01", name("run")), names, 1) +
		sect(sectionCustom, name(".debug_line"), "x") + sect(sectionCustom, name("producers"), "x")
	want := `section name
module mod
names 1: 0 log
names 1: 1 fuel
names 1: 2 run
names 1: 3 refuel
names 1: 4 memory.fill
names 2: function 0, 0 a
names 2: function 2, 0 b
names 2: function 2, 1 c
names 3: function 2, 0 l
names 7: 1 sum
section producers
`
	if diff := cmp.Diff(want, listNames(t, fueled(t, []byte(wasm), Fuel{Stack: 1}).Wasm)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	broken := strings.Replace(wasm, name("log"), "\x7flog", 1)
	if diff := cmp.Diff("section producers\n", listNames(t, fueled(t, []byte(broken), Fuel{}).Wasm)); diff != "" {
		t.Errorf("malformed names: -want +got:\n%s", diff)
	}
}
