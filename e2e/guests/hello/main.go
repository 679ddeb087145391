//go:build wasip1

// Hello says which version of it answers: revisions differ in the environment of
// their manifest and share one binary.
package main

import "os"

func main() {
	os.Stderr.WriteString(os.Getenv("REQUEST_METHOD") + " " + os.Getenv("SCRIPT_NAME") + os.Getenv("PATH_INFO") + "\n")
	os.Stdout.WriteString("Content-Type: text/plain\n\nhello from version " + os.Getenv("VERSION") + "\n")
}
