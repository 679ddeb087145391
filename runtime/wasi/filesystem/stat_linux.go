package filesystem

import (
	"io/fs"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func statOf(info fs.FileInfo) Stat {
	s := Stat{Type: typeOf(info.Mode()), Links: 1, Size: uint64(info.Size()), Modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.Links = uint64(sys.Nlink)
		s.Accessed = time.Unix(sys.Atim.Unix())
		s.Changed = time.Unix(sys.Ctim.Unix())
		s.ID = ID{Volume: uint64(sys.Dev), Inode: sys.Ino}
	}
	return s
}

// fileTimes sets the times of an open file; a zero time stays.
func fileTimes(f *rootFile, a, m time.Time) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	times := []unix.Timespec{timespec(a), timespec(m)}
	var setErr error
	err = raw.Control(func(fd uintptr) { setErr = unix.UtimesNanoAt(int(fd), "", times, unix.AT_EMPTY_PATH) })
	if err == nil && setErr == nil {
		return nil
	}
	return f.dir.root.Chtimes(f.name, a, m) // an older kernel
}

// linkTimes sets the times of a symbolic link.
func (d *rootDir) linkTimes(name string, a, m time.Time) error {
	parent, err := d.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	times := []unix.Timespec{timespec(a), timespec(m)}
	return unix.UtimesNanoAt(int(parent.Fd()), path.Base(name), times, unix.AT_SYMLINK_NOFOLLOW)
}

func timespec(t time.Time) unix.Timespec {
	if t.IsZero() {
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	return unix.Timespec{Sec: t.Unix(), Nsec: int64(t.Nanosecond())}
}
