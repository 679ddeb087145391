//go:build unix

package main

import (
	"errors"
	"syscall"
)

// processLives reports whether there is a process with this id.
func processLives(pid int) bool {
	err := syscall.Kill(pid, 0)
	return pid > 0 && (err == nil || errors.Is(err, syscall.EPERM))
}
