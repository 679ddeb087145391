//go:build wasip1

// Echo shows its arguments, its environment and the body of the request. At
// /body it answers with the body alone, as it comes; ?log=TEXT writes TEXT to
// standard error.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

func run() error {
	if text, ok := strings.CutPrefix(os.Getenv("QUERY_STRING"), "log="); ok {
		fmt.Fprint(os.Stderr, text)
	}
	out := bufio.NewWriter(os.Stdout)
	if os.Getenv("PATH_INFO") == "/body" {
		fmt.Fprint(out, "Content-Type: application/octet-stream\n\n")
	} else {
		fmt.Fprint(out, "Content-Type: text/plain\n\n")
		show(out)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := io.Copy(os.Stdout, os.Stdin)
	return err
}

func show(out io.Writer) {
	for i, arg := range os.Args {
		fmt.Fprintf(out, "arg %d=%s\n", i, arg)
	}
	env := os.Environ()
	slices.Sort(env)
	for _, variable := range env {
		fmt.Fprintf(out, "env %s\n", variable)
	}
	fmt.Fprintln(out, "body:")
}
