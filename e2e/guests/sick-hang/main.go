//go:build wasip1

// Sick-hang computes for ever.
package main

func main() {
	for n := uint64(1); n != 0; n = n*6364136223846793005 + 1442695040888963407 | 1 {
	}
}
