package validate

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

const preamble = "\x00asm\x0d\x00\x01\x00"

// section makes a section of at most 127 bytes.
func section(id byte, body ...string) string {
	b := strings.Join(body, "")
	return string([]byte{id, byte(len(b))}) + b
}

func name(s string) string { return string([]byte{byte(len(s))}) + s }

func check(in string) (*Info, error) {
	c, err := binary.Decode([]byte(in))
	if err != nil {
		return nil, err
	}
	return Component(c)
}

// TestPlaces has faults whose place must be told; which faults there are is
// for the scripts in the package above to show.
func TestPlaces(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"index", preamble + section(7, "\x01\x70\x09"), "type[0]: unknown type 9 of 0 at offset 0xb"},
		{"nested", preamble + section(4, preamble, section(7, "\x02\x7f\x69\x00")), "component[0]: type[1]: type 0 is not a resource type at offset 0x16"},
		{"in a type", preamble + section(7, "\x01\x42\x01\x01\x70\x01"), "type[0]: type: unknown type 1 of 0 at offset 0xd"},
		{"import", preamble + section(7, "\x01\x40\x00\x01\x00") + section(10, "\x02", "\x00", name("f"), "\x01\x00", "\x00", name("F"), "\x01\x00"),
			"import[1]: name \"F\" conflicts with previous name \"f\" at offset 0x17"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := check(test.in); err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// TestLargeTypes doubles an instance type in each step: small in the file and
// larger than any memory when written out.
func TestLargeTypes(t *testing.T) {
	in := preamble + section(7, "\x01\x42\x00")
	for i := range 30 {
		outer := string([]byte{0x02, 0x03, 0x02, 0x01, byte(i)}) // alias outer 1 i (type)
		in += section(7, "\x01\x42\x03", outer, "\x04\x00", name("a"), "\x05\x00", "\x04\x00", name("b"), "\x05\x00")
	}
	if _, err := check(in); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v, want a refusal for the size of a type", err)
	}
}

// TestType has the type of a component whose import and export share a
// resource.
func TestType(t *testing.T) {
	info, err := check(preamble +
		section(10, "\x01\x00", name("r"), "\x03\x01") +
		section(7, "\x02\x69\x00\x40\x00\x00\x01") +
		section(10, "\x01\x00", name("f"), "\x01\x02") +
		section(11, "\x01\x00", name("g"), "\x01\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := info.Type.Export("g")
	if !ok {
		t.Fatal("no export g")
	}
	own := g.Type.(*types.Func).Result
	if own.Kind != types.Own || own.Resource != info.Type.Imported[0] || own.String() != "own<r>" {
		t.Errorf("g returns %s, want own of the imported resource", own)
	}
}

func FuzzComponent(f *testing.F) {
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
		info, err := check(string(b))
		if (info == nil) == (err == nil) {
			t.Fatalf("Component = %v, %v", info, err)
		}
	})
}
