//go:build wasip1 && !hello

// Command go-http is a component in Go: the canonical ABI written by hand. It
// greets as its runtime knows it, with a goroutine, or does what its path says;
// see handle.
package main

import (
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.path-with-query
func requestPath(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-request.consume
func requestConsume(self uint32, ret unsafe.Pointer)

//go:wasmimport wasi:http/types@0.2.0 [method]incoming-body.stream
func bodyStream(self uint32, ret unsafe.Pointer)

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

func text(p, n uint32) string {
	return strings.Clone(unsafe.String((*byte)(unsafe.Pointer(uintptr(p))), n))
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
