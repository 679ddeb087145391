package component

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestFlagIsKnownToAll keeps "go test ./runtime/component/... -run Wast -wast DIR"
// working: a test binary that does not know a flag fails.
func TestFlagIsKnownToAll(t *testing.T) {
	tests, err := filepath.Glob("*/*_test.go")
	if err != nil || len(tests) == 0 {
		t.Fatal(tests, err)
	}
	knows := map[string]bool{}
	for _, file := range tests {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(file)
		knows[dir] = knows[dir] || bytes.Contains(source, []byte(`flag.String("wast"`))
	}
	for dir, ok := range knows {
		if !ok {
			t.Errorf("the tests of %s do not know the flag -wast: copy abi/wast_test.go", dir)
		}
	}
}
