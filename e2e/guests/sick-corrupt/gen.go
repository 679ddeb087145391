//go:build ignore

// Gen writes a file that begins as a core module does and goes on as none does.
package main

import "os"

func main() {
	if err := os.WriteFile("main.wasm", []byte("\x00asm\x01\x00\x00\x00 and this is no section"), 0o644); err != nil {
		panic(err)
	}
}
