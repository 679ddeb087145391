//go:build wasip1

// Sick-sleep sleeps for ever.
package main

import "time"

func main() {
	for {
		time.Sleep(time.Hour)
	}
}
