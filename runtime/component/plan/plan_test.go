package plan

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
	"github.com/neutrino-local/neutrino-local/runtime/component/types"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

var update = flag.Bool("update", false, "write the golden files")

func build(b []byte) (*Plan, error) {
	if binary.Sniff(b) == binary.LayerModule {
		return buildModule(b)
	}
	c, err := binary.Decode(b)
	if err != nil {
		return nil, err
	}
	info, err := validate.Component(c)
	if err != nil {
		return nil, err
	}
	return Build(c, info, func(string, string) *types.Resource { return nil })
}

func buildModule(b []byte) (*Plan, error) {
	m, err := rewrite.Parse(b)
	if err != nil {
		return nil, err
	}
	worlds, err := Worlds(m)
	if err != nil {
		return nil, err
	}
	return BuildModule(m, worlds, func(string, string) *types.Resource { return nil })
}

// TestGolden plans the components of the package above.
func TestGolden(t *testing.T) {
	files := map[string]string{
		"shop":      "../testdata/shop.wasm",                // imports of the host, a resource of the host
		"cycle":     "../testdata/wast/linking/test.0.wasm", // shim and fixup, nested components
		"start":     "../testdata/wast/linking/test.1.wasm",
		"twice":     "../testdata/wast/linking/test.2.wasm",
		"module":    "../testdata/core/guest.wasm",            // a core module with a world
		"resources": "../testdata/wast/resources/test.2.wasm", // destructor, borrow, between components
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p, err := build(b)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(p.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), p.String()); diff != "" {
				t.Errorf("plan (-want +got), go test -update accepts it:\n%s", diff)
			}
		})
	}
}

func FuzzBuild(f *testing.F) {
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
		p, err := build(b)
		if err == nil && p.String() == "" && len(p.Instances) > 1 {
			t.Fatal("the plan of several instances prints as nothing")
		}
	})
}
