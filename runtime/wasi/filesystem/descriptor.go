package filesystem

import (
	"math"
	"time"
	"unicode/utf8"
)

// A Type is a case of the enum descriptor-type.
type Type uint8

// The cases of descriptor-type.
const (
	Unknown Type = iota
	BlockDevice
	CharacterDevice
	Directory
	FIFO
	SymbolicLink
	RegularFile
	Socket
)

// Flags are descriptor-flags.
type Flags uint32

// The labels of descriptor-flags.
const (
	Read Flags = 1 << iota
	Write
	FileIntegritySync
	DataIntegritySync
	RequestedWriteSync
	MutateDirectory
)

// OpenFlags are open-flags.
type OpenFlags uint32

// The labels of open-flags.
const (
	Create OpenFlags = 1 << iota
	OpenDirectory
	Exclusive
	Truncate
)

// A Stat is a descriptor-stat. A zero time is none.
type Stat struct {
	Type                        Type
	Links, Size                 uint64
	Accessed, Modified, Changed time.Time
	ID                          ID
}

// An ID is the same for the same file, whatever names it has.
type ID struct {
	Volume any // compared, and hashed as it is
	Inode  uint64
}

// A NewTime is a new-timestamp: no change, now, or a time.
type NewTime struct {
	Change, Now bool
	Time        time.Time
}

// An Entry is a directory-entry.
type Entry struct {
	Type Type
	Name string
}

// file is an open file that is no directory.
type file interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
	stat() (Stat, error)
	setTimes(a, m time.Time) error
}

// dir is an open directory. Names have been checked to be UTF-8 without NUL.
type dir interface {
	open(name string, follow bool, o OpenFlags, f Flags) (file, dir, error)
	stat(name string, follow bool) (Stat, error)
	list() ([]Entry, error)
	readlink(name string) (string, error)
	mkdir(name string) error
	rmdir(name string) error
	unlink(name string) error
	symlink(target, name string) error
	rename(name string, to dir, toName string) error
	link(name string, follow bool, to dir, toName string) error
	setTimes(name string, follow bool, a, m time.Time) error
	Close() error
}

// MaxOpen is how many descriptors one instance may have open.
const MaxOpen = 1024

// A Descriptor is a descriptor resource: an open file or directory.
type Descriptor struct {
	flags Flags
	file  *shared // one of the two
	dir   dir
	open  *int // how many the instance has
}

// shared is an open file and how many use it: its descriptor and the streams
// that came from it, which may live longer.
type shared struct {
	file
	users int
}

// Close closes the file after its last user.
func (s *shared) Close() error {
	if s.users--; s.users > 0 {
		return nil
	}
	return s.file.Close()
}

func newDescriptor(f file, d dir, flags Flags, open *int) (*Descriptor, error) {
	if *open >= MaxOpen {
		if f != nil {
			_ = f.Close() // nothing was written
		} else {
			_ = d.Close()
		}
		return nil, Quota
	}
	*open++
	n := &Descriptor{flags: flags, dir: d, open: open}
	if f != nil {
		n.file = &shared{f, 1}
	} else {
		n.flags &^= Write // a directory is changed, not written
	}
	return n, nil
}

// Again returns another descriptor of a directory, which can do the same.
func (d *Descriptor) Again() (*Descriptor, error) {
	if d.dir == nil {
		return nil, NotDirectory
	}
	_, again, err := d.dir.open(".", true, OpenDirectory, d.flags)
	if err != nil {
		return nil, CodeOf(err)
	}
	return newDescriptor(nil, again, d.flags, d.open)
}

// Close closes the file or directory.
func (d *Descriptor) Close() error {
	*d.open--
	if d.file != nil {
		return d.file.Close()
	}
	return d.dir.Close()
}

// contents checks that d is a file with those flags.
func (d *Descriptor) contents(need Flags, offset uint64) error {
	switch {
	case d.file == nil, d.flags&need != need:
		return BadDescriptor
	case offset > math.MaxInt64:
		return Invalid
	}
	return nil
}

// code makes every error a Code.
func code(err error) error {
	if err == nil {
		return nil
	}
	return CodeOf(err)
}

// Flags returns what the descriptor may do.
func (d *Descriptor) Flags() Flags { return d.flags }

// Type returns what it is.
func (d *Descriptor) Type() (Type, error) {
	if d.dir != nil {
		return Directory, nil
	}
	st, err := d.file.stat()
	return st.Type, code(err)
}

// Stat returns its attributes.
func (d *Descriptor) Stat() (Stat, error) {
	if d.dir != nil {
		st, err := d.dir.stat(".", true)
		return st, code(err)
	}
	st, err := d.file.stat()
	return st, code(err)
}

// SetSize changes the length of a file.
func (d *Descriptor) SetSize(size uint64) error {
	if err := d.contents(Write, size); err != nil {
		return err
	}
	return code(d.file.Truncate(int64(size)))
}

// Sync makes the content of a file durable. For a directory it does nothing.
func (d *Descriptor) Sync() error {
	if d.dir != nil {
		return nil
	}
	if d.flags&Write == 0 {
		return nil // nothing of ours is to be written
	}
	return code(d.file.Sync())
}

// Advise takes advice and does nothing about it.
func (d *Descriptor) Advise() error {
	if d.file == nil {
		return BadDescriptor
	}
	return nil
}

func (n NewTime) at(now time.Time) time.Time {
	switch {
	case !n.Change:
		return time.Time{}
	case n.Now:
		return now
	}
	return n.Time
}

// SetTimes sets the times of a file or directory.
func (d *Descriptor) SetTimes(a, m NewTime) error {
	now := time.Now()
	switch {
	case d.dir != nil && d.flags&MutateDirectory == 0, d.file != nil && d.flags&Write == 0:
		return NotPermitted
	case d.dir != nil:
		return code(d.dir.setTimes(".", true, a.at(now), m.at(now)))
	}
	return code(d.file.setTimes(a.at(now), m.at(now)))
}

// Entries is a directory-entry-stream.
type Entries struct{ rest []Entry }

// Next returns the next entry; false at the end.
func (e *Entries) Next() (Entry, bool, error) {
	if len(e.rest) == 0 {
		return Entry{}, false, nil
	}
	next := e.rest[0]
	e.rest = e.rest[1:]
	if !utf8.ValidString(next.Name) {
		return Entry{}, false, IllegalByteSequence
	}
	return next, true, nil
}

// ReadDirectory lists a directory, without "." and "..".
func (d *Descriptor) ReadDirectory() (*Entries, error) {
	switch {
	case d.dir == nil:
		return nil, NotDirectory
	case d.flags&Read == 0:
		return nil, NotPermitted
	}
	list, err := d.dir.list()
	if err != nil {
		return nil, CodeOf(err)
	}
	return &Entries{rest: list}, nil
}

// IsSame reports whether both are the same file or directory.
func (d *Descriptor) IsSame(o *Descriptor) bool {
	a, errA := d.Stat()
	b, errB := o.Stat()
	return errA == nil && errB == nil && a.ID == b.ID
}
