//go:build wasip1

// Sick-calls makes, in single calls of the host, what costs the guest nothing: at
// /flood it writes the same 64 KiB a million times to standard error, at /stdout
// to standard output, and at /renumber it asks for a file descriptor of two
// thousand million.
package main

import (
	"fmt"
	"os"
	"unsafe"
)

//go:wasmimport wasi_snapshot_preview1 fd_write
func fdWrite(fd int32, vectors unsafe.Pointer, n uint32, written unsafe.Pointer) uint32

//go:wasmimport wasi_snapshot_preview1 fd_renumber
func fdRenumber(from, to int32) uint32

type vector struct{ data, length uint32 }

func main() {
	switch os.Getenv("PATH_INFO") {
	case "/flood":
		flood(2)
	case "/stdout":
		os.Stdout.WriteString("Status: 204\n\n")
		flood(1)
	case "/renumber":
		f, err := os.Open("/spin.toml")
		if err != nil {
			panic(err)
		}
		errno := fdRenumber(int32(f.Fd()), 1<<31-1)
		fmt.Printf("Content-Type: text/plain\n\nerrno %d\n", errno)
	}
}

func flood(fd int32) {
	page := make([]byte, 1<<16)
	vectors := make([]vector, 1<<20)
	for i := range vectors {
		vectors[i] = vector{uint32(uintptr(unsafe.Pointer(&page[0]))), uint32(len(page))}
	}
	var written uint32
	fdWrite(fd, unsafe.Pointer(&vectors[0]), uint32(len(vectors)), unsafe.Pointer(&written))
}
