package guests

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestBuild(t *testing.T) {
	apps, err := fs.Glob(sources, "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(apps) < 12 {
		t.Fatalf("apps: %v", apps)
	}
	for _, name := range apps {
		t.Run(name, func(t *testing.T) {
			dir := Build(t, name)
			wasm, err := filepath.Glob(filepath.Join(dir, "*.wasm"))
			if err != nil || len(wasm) != 1 {
				t.Fatalf("binaries: %v, %v", wasm, err)
			}
			b, err := os.ReadFile(wasm[0])
			if err != nil {
				t.Fatal(err)
			}
			if len(b) < 8 || string(b[:8]) != "\x00asm\x01\x00\x00\x00" {
				t.Errorf("main.wasm is no core module: %d bytes", len(b))
			}
			if again := Build(t, name); again == dir {
				t.Errorf("two tests share %s", dir)
			}
		})
	}
}
