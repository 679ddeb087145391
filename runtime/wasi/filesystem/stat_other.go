//go:build !linux

package filesystem

import (
	"io/fs"
	"time"
)

// statOf knows of a file what every system tells. Two files that cannot be told
// apart by name, size and time have the same ID.
func statOf(info fs.FileInfo) Stat {
	return Stat{
		Type: typeOf(info.Mode()), Links: 1, Size: uint64(info.Size()), Modified: info.ModTime(),
		ID: ID{Volume: info.Name(), Inode: uint64(info.ModTime().UnixNano())},
	}
}

// fileTimes sets the times of an open file by its name; a zero time stays.
func fileTimes(f *rootFile, a, m time.Time) error { return f.dir.root.Chtimes(f.name, a, m) }

// linkTimes would set the times of a symbolic link.
func (d *rootDir) linkTimes(string, time.Time, time.Time) error { return Unsupported }
