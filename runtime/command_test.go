package runtime

import (
	"bytes"
	"os"
	"testing"
)

// TestCommandModule runs a core module with a component-type section that is a
// command: its arguments come by WASI 0.2, its output goes by preview 1.
func TestCommandModule(t *testing.T) {
	wasm, err := os.ReadFile("wasi/testdata/sockets/sockets.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		exit int
		out  string
	}{
		"127.1.2.3":   {0, "127.1.2.3\n"},
		"example.com": {101, ""}, // access-denied: it reaches no network
	} {
		var out bytes.Buffer
		c := Command{Name: "guest", Arguments: []string{"lookup", name}, Stdout: &out, Stderr: &out}
		exit, err := c.Run(t.Context(), wasm)
		if exit != want.exit || out.String() != want.out || err != nil {
			t.Errorf("lookup %s: exit %d, %q, %v; want %d, %q", name, exit, &out, err, want.exit, want.out)
		}
	}
}
