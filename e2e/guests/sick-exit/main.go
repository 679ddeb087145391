//go:build wasip1

// Sick-exit prints a fine reply and then says that it has failed.
package main

import "os"

func main() {
	os.Stdout.WriteString("Content-Type: text/plain\n\nall is well\n")
	os.Stderr.WriteString("all is not well\n")
	os.Exit(3)
}
