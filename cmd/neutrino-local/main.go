// Command neutrino-local is a Wasm cloud on a laptop, and its client.
//
// `neutrino-local up` is the cloud: registry, control API, Wasm host, edge
// router and page on one listener. Every other verb talks to it over HTTP. Only
// this package knows all the parts: serve.go puts them together, frontdoor.go
// decides which of them a request is for, and each verb has a file.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is what this build calls itself; the linker may set it.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args, stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

// stdio is where a command reads and writes.
type stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, std stdio) int {
	root := newRoot(args[0], std)
	root.SetArgs(args[1:])
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	return report(root.ExecuteContext(ctx), std.Err)
}
