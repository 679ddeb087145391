//go:build wasip1

// Command go-http is a component in Go: the canonical ABI written by hand. It
// greets as its runtime knows it, with a map and a goroutine, or echoes with
// the path /echo.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"
)

//go:wasmimport wasi:http/types@0.2.0 [constructor]fields
func fieldsNew() uint32

//go:wasmimport wasi:http/types@0.2.0 [method]fields.append
func fieldsAppend(self uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.path-with-query
func requestPath(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.consume
func requestConsume(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-body.stream
func bodyStream(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [constructor]outgoing-response
func responseNew(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-response.body
func responseBody(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-body.write
func bodyWrite(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]outgoing-body.finish
func bodyFinish(this uint32, some, trailers uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]response-outparam.set
func outparamSet(param, kind, p0, p1 uint32, p2 uint64, p3, p4, p5, p6 uint32)

//go:wasmimport wasi:io/streams@0.2.0 [method]input-stream.blocking-read
func streamRead(self uint32, n uint64, ret unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.0 [method]output-stream.blocking-write-and-flush
func streamWrite(self uint32, p unsafe.Pointer, n uint32, ret unsafe.Pointer)

//go:wasmimport wasi:io/streams@0.2.0 [resource-drop]output-stream
func dropOutput(self uint32)

// result is where a function writes what does not fit; the largest is the
// result of finish.
type result struct {
	_     [0]uint64
	words [16]uint32
}

func (r *result) ptr() unsafe.Pointer { return unsafe.Pointer(r) }

func (r *result) ok() bool { return byte(r.words[0]) == 0 }

func (r *result) must() uint32 {
	if !r.ok() {
		panic("host says no")
	}
	return r.words[1]
}

// What the host writes goes to an arena: the collector must not run in realloc,
// because it asks for the time, and realloc must not call out.
var (
	arena [256 << 10]byte
	used  uint32
)

// initialized is false while the runtime is not up: the adapter of preview 1
// allocates before that.
var initialized bool

func init() { initialized = true }

//go:linkname sbrk runtime.sbrk
func sbrk(n uintptr) unsafe.Pointer

//go:wasmexport cabi_realloc
func realloc(_ unsafe.Pointer, _, align, size uint32) uint32 {
	if !initialized {
		return aligned(uintptr(sbrk(uintptr(size+align))), align)
	}
	base := uintptr(unsafe.Pointer(&arena))
	p := aligned(base+uintptr(used), align)
	if used = p - uint32(base) + size; used > uint32(len(arena)) {
		panic("arena is full")
	}
	return p
}

func aligned(p uintptr, align uint32) uint32 { return (uint32(p) + align - 1) &^ (align - 1) }

func text(p, n uint32) string {
	return strings.Clone(unsafe.String((*byte)(unsafe.Pointer(uintptr(p))), n))
}

func write(stream uint32, s string) {
	var r result
	for s != "" {
		n := min(len(s), 4096)
		streamWrite(stream, unsafe.Pointer(unsafe.StringData(s)), uint32(n), r.ptr())
		if !r.ok() {
			panic("write")
		}
		s = s[n:]
	}
}

//go:wasmexport wasi:http/incoming-handler@0.2.0#handle
func handle(request, out uint32) {
	var r result
	requestPath(request, r.ptr())
	path := text(r.words[1], r.words[2])
	headers := fieldsNew()
	name, value := "x-runtime", runtime.Compiler+" "+runtime.GOOS
	fieldsAppend(headers, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(unsafe.StringData(value)), uint32(len(value)), r.ptr())
	response := responseNew(headers)
	responseBody(response, r.ptr())
	body := r.must()
	outparamSet(out, 0, response, 0, 0, 0, 0, 0, 0)
	bodyWrite(body, r.ptr())
	stream := r.must()
	if path == "/echo" {
		echo(request, stream)
	} else {
		greet(stream, path)
	}
	dropOutput(stream)
	bodyFinish(body, 0, 0, r.ptr())
	r.must()
}

func echo(request, stream uint32) {
	var r result
	requestConsume(request, r.ptr())
	bodyStream(r.must(), r.ptr())
	in := r.must()
	for {
		streamRead(in, 64<<10, r.ptr())
		if !r.ok() {
			return
		}
		write(stream, unsafe.String((*byte)(unsafe.Pointer(uintptr(r.words[1]))), r.words[2]))
		used = 0
	}
}

func greet(stream uint32, path string) {
	words := make(chan string)
	go func() {
		defer close(words)
		for _, w := range []string{"Hello", "from", "Go", path, os.Getenv("WHO")} {
			words <- w
		}
	}()
	var all []string
	for w := range words {
		all = append(all, w)
	}
	fmt.Fprintln(os.Stderr, "greeted")
	write(stream, strings.Join(all, " "))
}

func main() {}
