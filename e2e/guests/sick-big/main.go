//go:build wasip1

// Sick-big answers with 11 MiB.
package main

import "os"

func main() {
	os.Stdout.WriteString("Content-Type: application/octet-stream\n\n")
	part := make([]byte, 1<<16)
	for range 11 << 4 {
		if _, err := os.Stdout.Write(part); err != nil {
			os.Exit(1)
		}
	}
}
