package filesystem

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// A Code is a case of the enum error-code, in its order. It is an error.
type Code uint8

// The cases of error-code.
const (
	Access Code = iota
	WouldBlock
	Already
	BadDescriptor
	Busy
	Deadlock
	Quota
	Exist
	FileTooLarge
	IllegalByteSequence
	InProgress
	Interrupted
	Invalid
	IO
	IsDirectory
	Loop
	TooManyLinks
	MessageSize
	NameTooLong
	NoDevice
	NoEntry
	NoLock
	InsufficientMemory
	InsufficientSpace
	NotDirectory
	NotEmpty
	NotRecoverable
	Unsupported
	NoTTY
	NoSuchDevice
	Overflow
	NotPermitted
	Pipe
	ReadOnly
	InvalidSeek
	TextFileBusy
	CrossDevice
)

var codeNames = [...]string{
	"access", "would-block", "already", "bad-descriptor", "busy", "deadlock", "quota", "exist", "file-too-large",
	"illegal-byte-sequence", "in-progress", "interrupted", "invalid", "io", "is-directory", "loop", "too-many-links",
	"message-size", "name-too-long", "no-device", "no-entry", "no-lock", "insufficient-memory", "insufficient-space",
	"not-directory", "not-empty", "not-recoverable", "unsupported", "no-tty", "no-such-device", "overflow",
	"not-permitted", "pipe", "read-only", "invalid-seek", "text-file-busy", "cross-device",
}

// Error returns the name of c in WIT.
func (c Code) Error() string { return codeNames[c] }

var errnos = []struct {
	err  error
	code Code
}{
	{syscall.EACCES, Access}, {syscall.EAGAIN, WouldBlock}, {syscall.EALREADY, Already}, {syscall.EBADF, BadDescriptor},
	{syscall.EBUSY, Busy}, {syscall.EDEADLK, Deadlock}, {syscall.EDQUOT, Quota}, {syscall.EEXIST, Exist},
	{syscall.EFBIG, FileTooLarge}, {syscall.EILSEQ, IllegalByteSequence}, {syscall.EINPROGRESS, InProgress},
	{syscall.EINTR, Interrupted}, {syscall.EINVAL, Invalid}, {syscall.EIO, IO}, {syscall.EISDIR, IsDirectory},
	{syscall.ELOOP, Loop}, {syscall.EMLINK, TooManyLinks}, {syscall.EMSGSIZE, MessageSize},
	{syscall.ENAMETOOLONG, NameTooLong}, {syscall.ENODEV, NoDevice}, {syscall.ENOENT, NoEntry}, {syscall.ENOLCK, NoLock},
	{syscall.ENOMEM, InsufficientMemory}, {syscall.ENOSPC, InsufficientSpace}, {syscall.ENOTDIR, NotDirectory},
	{syscall.ENOTEMPTY, NotEmpty}, {syscall.ENOTRECOVERABLE, NotRecoverable}, {syscall.ENOTSUP, Unsupported},
	{syscall.EOPNOTSUPP, Unsupported}, {syscall.ENOSYS, Unsupported}, {syscall.ENOTTY, NoTTY}, {syscall.ENXIO, NoSuchDevice},
	{syscall.EOVERFLOW, Overflow}, {syscall.ERANGE, Overflow}, {syscall.EPERM, NotPermitted}, {syscall.EPIPE, Pipe},
	{syscall.EROFS, ReadOnly}, {syscall.ESPIPE, InvalidSeek}, {syscall.ETXTBSY, TextFileBusy}, {syscall.EXDEV, CrossDevice},
	{syscall.EMFILE, Quota}, {syscall.ENFILE, Quota},
	{files.ErrNotDirectory, NotDirectory}, {fs.ErrNotExist, NoEntry}, {fs.ErrExist, Exist}, {fs.ErrPermission, Access},
	{fs.ErrInvalid, Invalid}, {os.ErrClosed, BadDescriptor}, {io.ErrUnexpectedEOF, IO},
}

// CodeOf returns the code of an error of the host's file system. What has none
// is IO.
func CodeOf(err error) Code {
	var c Code
	if errors.As(err, &c) {
		return c
	}
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	if strings.HasSuffix(err.Error(), "path escapes from parent") { // os.Root does not export its error
		return NotPermitted
	}
	return IO
}
