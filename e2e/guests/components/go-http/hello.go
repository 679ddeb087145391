//go:build wasip1 && hello

// Command go-http with the tag hello does nothing but greet.
package main

//go:wasmexport wasi:http/incoming-handler@0.2.0#handle
func handle(_, out uint32) { say(out, "Hello from Go") }
