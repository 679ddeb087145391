//go:build wasip1

// Sick-alloc allocates until it gets no more.
package main

func main() {
	var kept [][]byte
	for {
		kept = append(kept, make([]byte, 1<<20))
	}
}
