// Package spin has guests that use Spin's interfaces and check them from inside,
// for tests. Each is a folder with its C source, the world that it is of, and
// the component that build.sh makes of them.
package spin

import "embed"

//go:embed */*.wasm
var binaries embed.FS

// Wasm returns the guest of a folder.
func Wasm(name string) ([]byte, error) { return binaries.ReadFile(name + "/" + name + ".wasm") }
