//go:build wasip1

// Command go-http is a component in Go: the canonical ABI written by hand. It
// greets as its runtime knows it, with a goroutine, or does what its path says;
// see handle.
package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"slices"
	"strconv"
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

//go:wasmimport wasi:http/types@0.2.0 [constructor]outgoing-request
func outRequestNew(headers uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-scheme
func outRequestScheme(self, some, scheme uint32, other unsafe.Pointer, otherLen uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-authority
func outRequestAuthority(self, some uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]outgoing-request.set-path-with-query
func outRequestPath(self, some uint32, p unsafe.Pointer, n uint32) uint32

//go:wasmimport wasi:http/outgoing-handler@0.2.0 handle
func outgoingHandle(request, some, options uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]future-incoming-response.subscribe
func futureSubscribe(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]future-incoming-response.get
func futureGet(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-response.status
func inResponseStatus(self uint32) uint32

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-response.consume
func inResponseConsume(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:io/poll@0.2.0 [method]pollable.block
func pollableBlock(self uint32)

//go:wasmimport wasi:io/poll@0.2.0 [resource-drop]pollable
func dropPollable(self uint32)

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

//go:wasmexport wasi:http/incoming-handler@0.2.0#handle
func handle(request, out uint32) {
	var r result
	requestPath(request, r.ptr())
	target := text(r.words[1], r.words[2])
	path, _, _ := strings.Cut(target, "?")
	verb, rest, _ := strings.Cut(path[1:], "/")
	switch verb {
	case "echo": // sends the body back while it comes
		requestConsume(request, r.ptr())
		in := r.must()
		reply(out, 200, "application/octet-stream", "", func(to uint32) bool { return each(in, func(s string) bool { return write(to, s) }) })
	case "drain": // reads the body and tells what came
		count, hash := 0, fnv.New64a()
		requestConsume(request, r.ptr())
		each(r.must(), func(s string) bool {
			count += len(s)
			hash.Write([]byte(s))
			return true
		})
		say(out, fmt.Sprintf("%d bytes, fnv %016x", count, hash.Sum64()))
	case "pages": // pages/N sends N pages
		n, _ := strconv.Atoi(rest)
		reply(out, 200, "application/octet-stream", "", func(to uint32) bool { return pages(to, n) })
	case "status": // status/N has no body
		n, _ := strconv.Atoi(rest)
		response := responseNew(fieldsNew())
		responseStatus(response, uint32(n))
		outparamSet(out, 0, response, 0, 0, 0, 0, 0, 0)
	case "short": // declares more than it writes
		fmt.Fprintln(os.Stderr, "short: ok", reply(out, 200, "text/plain", "10", func(to uint32) bool { return write(to, "short") }))
	case "long": // declares less
		fmt.Fprintln(os.Stderr, "long: ok", reply(out, 200, "text/plain", "4", func(to uint32) bool { return write(to, "too long") }))
	case "pass": // pass/AUTHORITY/PATH passes on what it gets
		pass(out, rest)
	case "words": // words/A/B/A counts them
		say(out, words(rest))
	case "panic":
		panic("asked for")
	default:
		say(out, greeting(target))
	}
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

// each calls f with the pieces of a body, until it says no.
func each(body uint32, f func(string) bool) bool {
	var r result
	bodyStream(body, r.ptr())
	in := r.must()
	for {
		streamRead(in, 64<<10, r.ptr())
		if !r.ok() {
			return true
		}
		if !f(unsafe.String((*byte)(unsafe.Pointer(uintptr(r.words[1]))), r.words[2])) {
			return false
		}
		used = 0
	}
}

func pages(to uint32, n int) bool {
	var page [4096]byte
	for k := range n {
		for i := range page {
			page[i] = byte(i + k)
		}
		if !write(to, string(page[:])) {
			return false
		}
	}
	return true
}

func pass(out uint32, rest string) {
	authority, path, _ := strings.Cut(rest, "/")
	path = "/" + path
	request := outRequestNew(fieldsNew())
	bad := outRequestScheme(request, 1, 0, nil, 0) |
		outRequestAuthority(request, 1, unsafe.Pointer(unsafe.StringData(authority)), uint32(len(authority))) |
		outRequestPath(request, 1, unsafe.Pointer(unsafe.StringData(path)), uint32(len(path)))
	var r result
	outgoingHandle(request, 0, 0, r.ptr())
	if bad != 0 || !r.ok() {
		say(out, "refused")
		return
	}
	future := r.words[2]
	pollable := futureSubscribe(future)
	pollableBlock(pollable)
	dropPollable(pollable)
	futureGet(future, r.ptr())
	if byte(r.words[4]) != 0 {
		say(out, "refused")
		return
	}
	response := r.words[6]
	inResponseConsume(response, r.ptr())
	body := r.must()
	reply(out, inResponseStatus(response), "text/plain", "", func(to uint32) bool {
		return each(body, func(s string) bool { return write(to, s) })
	})
}

func words(path string) string {
	counts := map[string]int{}
	for word := range strings.SplitSeq(path, "/") {
		counts[word]++
	}
	var lines []string
	for word, n := range counts {
		lines = append(lines, fmt.Sprintf("%s %d\n", word, n))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func greeting(target string) string {
	words := make(chan string)
	go func() {
		defer close(words)
		for _, w := range []string{"Hello", "from", "Go", target, os.Getenv("WHO")} {
			words <- w
		}
	}()
	var all []string
	for w := range words {
		all = append(all, w)
	}
	fmt.Fprintln(os.Stderr, "greeted")
	return strings.Join(all, " ")
}

func main() {}
