//go:build !linux

package main

import "os"

// memoryDir is a place in memory where there is one.
func memoryDir() string { return os.TempDir() }
