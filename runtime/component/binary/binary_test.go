package binary

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

const preamble = "\x00asm\x0d\x00\x01\x00"

// section makes a section of at most 127 bytes.
func section(id byte, body ...string) string {
	b := strings.Join(body, "")
	return string([]byte{id, byte(len(b))}) + b
}

func name(s string) string { return string([]byte{byte(len(s))}) + s }

func TestDecodeRefuses(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"nothing", "", "not a WebAssembly component at offset 0x0"},
		{"core module", "\x00asm\x01\x00\x00\x00", "not a WebAssembly component at offset 0x0"},
		{"other version", "\x00asm\x0c\x00\x01\x00", "component has an unknown version or layer 0c 00 01 00 at offset 0x0"},
		{"unknown section", preamble + section(13), "malformed section id 13 at offset 0x8"},
		{"short section", preamble + "\x01\x05\x00", "core module section: unexpected end: 5 bytes expected, 1 left at offset 0xa"},
		{"long section", preamble + section(7, "\x01\x7f\x00"), "type section: 1 bytes too many at offset 0xc"},
		{"many elements", preamble + section(7, "\xff\xff\xff\xff\x0f"), "type section: 4294967295 elements in 0 bytes at offset 0xf"},
		{"long number", preamble + section(7, "\xff\xff\xff\xff\xff\x00"), "type section: invalid LEB128 number of 32 bits at offset 0xa"},
		{"embedded text", preamble + section(1, "(module)"), "core module[0]: not a core module at offset 0xa"},
		{"unknown type", preamble + section(7, "\x01\x50"), "type[0]: invalid type 0x50 at offset 0xb"},
		{"unknown value type", preamble + section(7, "\x02\x7f\x70\x51"), "type[1]: invalid value type 0x51 at offset 0xd"},
		{"bad name", preamble + section(10, "\x01\x00", "\x02\xff\xfe", "\x01\x00"), "import[0]: name is not valid UTF-8 at offset 0xc"},
		{"bad sort", preamble + section(6, "\x01\x06\x00\x00\x00"), "alias[0]: invalid sort 0x6 at offset 0xb"},
		{"option twice", preamble + section(8, "\x01\x01\x00\x00\x02\x00\x01"), "canon[0]: canonical option string-encoding is given twice at offset 0x10"},
		{"unknown canon", preamble + section(8, "\x01\x3f"), "canon[0]: invalid canonical definition 0x3f at offset 0xb"},
		{"named results", preamble + section(7, "\x01\x40\x00\x01\x01"), "type[0]: a function has at most one result, and no named ones at offset 0xd"},
		{"second in nested", preamble + section(4, preamble, section(7, "\x01\x7f"), section(7, "\x02\x7f\x00")), "component[0]: type[2]: invalid type 0x0 at offset 0x1a"},
		{"import in instance type", preamble + section(7, "\x01\x42\x01\x03\x00", name("f"), "\x01\x00"), "type[0]: invalid declaration 0x3 at offset 0xd"},
		{"attribute twice", preamble + section(10, "\x01\x02", name("f"), "\x02\x02", name("x"), "\x02", name("y"), "\x01\x00"), "import[0]: duplicate name attribute 0x2 at offset 0x12"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode([]byte(test.in))
			if err == nil || err.Error() != test.want {
				t.Errorf("Decode = %v, want %s", err, test.want)
			}
		})
	}
	if _, err := Decode(nil); !errors.Is(err, ErrNotComponent) {
		t.Errorf("Decode(nil) = %v, want ErrNotComponent", err)
	}
}

// TestDecodeNesting nests components deeper than is allowed.
func TestDecodeNesting(t *testing.T) {
	b := []byte(preamble)
	for range MaxDepth + 2 {
		s := []byte{sectionComponent}
		for n := len(b); ; n >>= 7 {
			if n < 0x80 {
				s = append(s, byte(n))
				break
			}
			s = append(s, byte(n)|0x80)
		}
		b = append(append([]byte(preamble), s...), b...)
	}
	if _, err := Decode(b); err == nil || !strings.Contains(err.Error(), "nested more than 100 deep") {
		t.Errorf("Decode = %v, want a refusal for its depth", err)
	}
}

func TestDecodeDefinitions(t *testing.T) {
	in := preamble +
		section(0, name("producers"), "\x01", name("language"), "\x01", name("Go"), name("1.26")) +
		section(0, name("component-name"), "\x00\x06", name("hello"), "\x01\x05\x03\x01\x00", name("t")) +
		section(7, "\x03", "\x40\x01", name("s"), "\x73\x00\x79", "\x6a\x01\x73\x00", "\x69\x05") +
		section(10, "\x01\x02", name("f"), "\x02\x00", name("a:b/c"), "\x01", name(".1"), "\x01\x00") +
		section(8, "\x02", "\x01\x00\x00\x02\x03\x00\x01", "\x20\x01\x02") +
		section(11, "\x01\x00", name("g"), "\x01\x00\x01\x01\x00") +
		section(9, "\x00\x02\x01\x02\x01")
	c, err := Decode([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	var got []Node
	for _, d := range c.Defs {
		got = append(got, d.Node)
	}
	memory, impl, suffix := uint32(0), "a:b/c", ".1"
	str := ValRef{Prim: types.String}
	want := []Node{
		&Type{Func: &FuncType{Params: []FieldRef{{"s", str}}, Result: &ValRef{Prim: types.U32}}},
		&Type{Value: &ValueType{Kind: types.Result, Elem: &str}},
		&Type{Value: &ValueType{Kind: types.Own, Resource: 5}},
		&Import{ExternName{Name: "f", Implements: &impl, VersionSuffix: &suffix}, ExternType{Sort: types.SortFunc}},
		&Canon{Op: CanonLower, Options: Options{Encoding: UTF16, Memory: &memory}},
		&Canon{Op: CanonWaitableSetWait, Flag: true, Memory: 2},
		&Export{Name: ExternName{Name: "g"}, SortIndex: SortIndex{Sort: Sort{Sort: types.SortFunc}}, Type: &ExternType{Sort: types.SortFunc}},
		&Start{Func: 0, Args: []uint32{1, 2}, Results: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("definitions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Producer{{"language", "Go", "1.26"}}, c.Producers); diff != "" {
		t.Errorf("producers (-want +got):\n%s", diff)
	}
	if c.Names.Component != "hello" || c.Names.Sorts[Sort{Sort: types.SortType}][0] != "t" {
		t.Errorf("names = %+v", c.Names)
	}
	if c.Defs[4].Place != "canon[0]" || c.Defs[4].Offset == 0 {
		t.Errorf("fourth definition is %s at %#x", c.Defs[4].Place, c.Defs[4].Offset)
	}
}

// TestCanonNames has each opcode decode and print by its name.
func TestCanonNames(t *testing.T) {
	seen := map[string]bool{}
	for op := CanonOp(0); op < canonOpMax; op++ {
		if canons[op].name == "" {
			continue
		}
		if seen[op.String()] {
			t.Errorf("%s is there twice", op)
		}
		seen[op.String()] = true
		in := preamble + section(8, "\x01", string([]byte{byte(op)}), strings.Repeat("\x00", 8))
		if _, err := Decode([]byte(in)); err == nil || strings.Contains(err.Error(), "invalid canonical") {
			t.Errorf("%s: Decode = %v", op, err)
		}
	}
	if len(seen) < 45 {
		t.Errorf("%d canonical definitions are known, want at least 45", len(seen))
	}
}

func FuzzDecode(f *testing.F) {
	err := filepath.WalkDir("../testdata", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".wasm") {
			return err
		}
		b, err := os.ReadFile(path)
		f.Add(b)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Decode(b)
		if (c == nil) == (err == nil) {
			t.Fatalf("Decode = %v, %v", c, err)
		}
		if err != nil && len(err.Error()) > 10_000 {
			t.Fatalf("error of %d bytes", len(err.Error()))
		}
	})
}
