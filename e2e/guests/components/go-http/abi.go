//go:build wasip1

package main

import (
	"runtime"
	"unsafe"
)

//go:wasmimport wasi:http/types@0.2.0 [constructor]fields
func fieldsNew() uint32

//go:wasmimport wasi:http/types@0.2.0 [method]fields.append
func fieldsAppend(self uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [constructor]outgoing-response
func responseNew(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-response.set-status-code
func responseStatus(self, status uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-response.body
func responseBody(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-body.write
func bodyWrite(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]outgoing-body.finish
func bodyFinish(this uint32, some, trailers uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [static]response-outparam.set
func outparamSet(param, kind, p0, p1 uint32, p2 uint64, p3, p4, p5, p6 uint32)

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

// write says whether all of it was taken.
func write(stream uint32, s string) bool {
	var r result
	for s != "" {
		n := min(len(s), 4096)
		streamWrite(stream, unsafe.Pointer(unsafe.StringData(s)), uint32(n), r.ptr())
		if !r.ok() {
			return false
		}
		s = s[n:]
	}
	return true
}

// reply sends a head, what f writes and the end, and says whether all went well.
func reply(out, status uint32, contentType, length string, f func(stream uint32) bool) bool {
	var r result
	headers := fieldsNew()
	add := func(name, value string) {
		fieldsAppend(headers, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), unsafe.Pointer(unsafe.StringData(value)), uint32(len(value)), r.ptr())
	}
	add("content-type", contentType)
	add("x-runtime", runtime.Compiler+" "+runtime.GOOS)
	if length != "" {
		add("content-length", length)
	}
	response := responseNew(headers)
	responseStatus(response, status)
	responseBody(response, r.ptr())
	body := r.must()
	outparamSet(out, 0, response, 0, 0, 0, 0, 0, 0)
	bodyWrite(body, r.ptr())
	stream := r.must()
	ok := f(stream)
	dropOutput(stream)
	bodyFinish(body, 0, 0, r.ptr())
	return ok && r.ok()
}

func say(out uint32, content string) {
	if !reply(out, 200, "text/plain", "", func(to uint32) bool { return write(to, content) }) {
		panic("reply")
	}
}

func main() {}
