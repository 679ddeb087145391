//go:build wasip1

// Sick-trap reads beyond its memory.
package main

import "unsafe"

//go:noinline
func beyond(address uintptr) byte { return *(*byte)(unsafe.Pointer(address)) }

func main() { println(beyond(0xfffffff0)) }
