//go:build unix

package pack

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPipeIsNotOpened(t *testing.T) {
	dir := appDir(t, `files = ["pipe", "*pe"]`)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Skip(err)
	}
	if _, err := Dir(t.Context(), dir, Options{}); err == nil || !strings.Contains(err.Error(), "neither a file nor a directory") {
		t.Errorf("Dir with a pipe = %v", err)
	}
}
