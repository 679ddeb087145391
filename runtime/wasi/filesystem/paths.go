package filesystem

import (
	"strings"
	"time"
	"unicode/utf8"
)

// MaxPath is the longest path that is looked up.
const MaxPath = 4096

// at checks that d is a directory, and its flags and the path.
func (d *Descriptor) at(need Flags, path string) error {
	switch {
	case d.dir == nil:
		return NotDirectory
	case d.flags&need != need:
		return ReadOnly
	case path == "":
		return NoEntry
	case len(path) > MaxPath:
		return NameTooLong
	case strings.IndexByte(path, 0) >= 0:
		return Invalid
	case path[0] == '/':
		return NotPermitted
	}
	return nil
}

// StatAt returns the attributes of what path leads to.
func (d *Descriptor) StatAt(follow bool, path string) (Stat, error) {
	if err := d.at(0, path); err != nil {
		return Stat{}, err
	}
	st, err := d.dir.stat(path, follow)
	return st, code(err)
}

// SetTimesAt sets the times of what path leads to.
func (d *Descriptor) SetTimesAt(follow bool, path string, a, m NewTime) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	now := time.Now()
	return code(d.dir.setTimes(path, follow, a.at(now), m.at(now)))
}

// OpenAt opens what path leads to.
func (d *Descriptor) OpenAt(follow bool, path string, o OpenFlags, f Flags) (*Descriptor, error) {
	var need Flags
	if f&(Write|MutateDirectory) != 0 || o&(Create|Truncate) != 0 {
		need = MutateDirectory
	}
	if err := d.at(need, path); err != nil {
		return nil, err
	}
	switch {
	case o&Create != 0 && o&OpenDirectory != 0, o&Truncate != 0 && f&Write == 0:
		return nil, Invalid
	case *d.open >= MaxOpen:
		return nil, Quota
	}
	if f&(Read|Write|MutateDirectory) == 0 {
		f |= Read
	}
	opened, sub, err := d.dir.open(path, follow, o, f)
	if err != nil {
		return nil, CodeOf(err)
	}
	if sub != nil {
		f = d.flags // a directory can do what the one that it is in can: guests rely on it
	}
	return newDescriptor(opened, sub, f, d.open)
}

// ReadlinkAt returns where a symbolic link leads.
func (d *Descriptor) ReadlinkAt(path string) (string, error) {
	if err := d.at(0, path); err != nil {
		return "", err
	}
	target, err := d.dir.readlink(path)
	switch {
	case err != nil:
		return "", CodeOf(err)
	case !utf8.ValidString(target):
		return "", IllegalByteSequence
	case strings.HasPrefix(target, "/"):
		return "", NotPermitted
	}
	return target, nil
}

// CreateDirectoryAt makes a directory.
func (d *Descriptor) CreateDirectoryAt(path string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	return code(d.dir.mkdir(path))
}

// RemoveDirectoryAt removes an empty directory.
func (d *Descriptor) RemoveDirectoryAt(path string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	return code(d.dir.rmdir(path))
}

// UnlinkFileAt removes what is no directory.
func (d *Descriptor) UnlinkFileAt(path string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	return code(d.dir.unlink(path))
}

// SymlinkAt makes a symbolic link to target.
func (d *Descriptor) SymlinkAt(target, path string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	if strings.HasPrefix(target, "/") || strings.IndexByte(target, 0) >= 0 {
		return NotPermitted
	}
	return code(d.dir.symlink(target, path))
}

// RenameAt moves path of d to another path of to.
func (d *Descriptor) RenameAt(path string, to *Descriptor, toPath string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	if err := to.at(MutateDirectory, toPath); err != nil {
		return err
	}
	return code(d.dir.rename(path, to.dir, toPath))
}

// LinkAt gives path of d another name in to.
func (d *Descriptor) LinkAt(follow bool, path string, to *Descriptor, toPath string) error {
	if err := d.at(MutateDirectory, path); err != nil {
		return err
	}
	if err := to.at(MutateDirectory, toPath); err != nil {
		return err
	}
	if follow {
		return Invalid
	}
	return code(d.dir.link(path, follow, to.dir, toPath))
}
