//go:build ignore

// Gen writes a module whose memory starts with 4096 pages, 256 MiB, and whose
// _start does nothing.
package main

import "os"

const wasm = "\x00asm\x01\x00\x00\x00" +
	"\x01\x04\x01\x60\x00\x00" + // type 0: func()
	"\x03\x02\x01\x00" + // function 0 of type 0
	"\x05\x04\x01\x00\x80\x20" + // memory from 4096 pages
	"\x07\x13\x02\x06_start\x00\x00\x06memory\x02\x00" +
	"\x0a\x04\x01\x02\x00\x0b" // its body: end

func main() {
	if err := os.WriteFile("main.wasm", []byte(wasm), 0o644); err != nil {
		panic(err)
	}
}
