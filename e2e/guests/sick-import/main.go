//go:build wasip1

// Sick-import calls a function that no host has.
package main

//go:wasmimport env missing
func missing(n int32) int32

func main() { println(missing(1)) }
