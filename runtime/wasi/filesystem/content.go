package filesystem

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"math"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// MaxTransfer is the most that one call reads.
const MaxTransfer = 1 << 20

// Read reads from a file at offset, at most MaxTransfer bytes, and reports
// whether that was its end.
func (d *Descriptor) Read(length, offset uint64) ([]byte, bool, error) {
	if err := d.contents(Read, offset); err != nil {
		return nil, false, err
	}
	return readAt(d.file, length, offset)
}

func readAt(f file, length, offset uint64) ([]byte, bool, error) {
	length = min(length, MaxTransfer)
	if st, err := f.stat(); err == nil && st.Type == RegularFile {
		length = min(length, max(st.Size, offset)-offset+1) // one more sees the end
	}
	b := make([]byte, length)
	n, err := f.ReadAt(b, int64(offset))
	end := errors.Is(err, io.EOF)
	if err != nil && !end {
		return nil, false, CodeOf(err)
	}
	return b[:n], end, nil
}

// Write writes to a file at offset.
func (d *Descriptor) Write(b []byte, offset uint64) (uint64, error) {
	if err := d.contents(Write, offset); err != nil {
		return 0, err
	}
	if offset > math.MaxInt64-uint64(len(b)) {
		return 0, FileTooLarge
	}
	n, err := d.file.WriteAt(b, int64(offset))
	if n > 0 {
		return uint64(n), nil
	}
	return 0, code(err)
}

// ReadVia returns the input that reads a file from offset on.
func (d *Descriptor) ReadVia(offset uint64) (stream.Input, error) {
	if err := d.contents(Read, offset); err != nil {
		return nil, err
	}
	d.file.users++
	return &fileInput{Pollable: stream.Always, file: d.file, offset: offset}, nil
}

type fileInput struct {
	stream.Pollable
	file   file
	offset uint64
}

func (i *fileInput) Read(n int) ([]byte, error) {
	b, end, err := readAt(i.file, uint64(n), i.offset)
	if err != nil {
		return nil, &stream.Failure{Err: err}
	}
	if end && len(b) == 0 {
		return nil, io.EOF
	}
	i.offset += uint64(len(b))
	return b, nil
}

func (i *fileInput) Close() { _ = i.file.Close() } // nothing was written

// WriteVia returns the output that writes to a file from offset on.
func (d *Descriptor) WriteVia(offset uint64) (stream.Output, error) {
	if err := d.contents(Write, offset); err != nil {
		return nil, err
	}
	d.file.users++
	return &fileOutput{Pollable: stream.Always, file: d.file, offset: offset}, nil
}

// AppendVia returns the output that writes to the end of a file.
func (d *Descriptor) AppendVia() (stream.Output, error) {
	if err := d.contents(Write, 0); err != nil {
		return nil, err
	}
	d.file.users++
	return &fileOutput{Pollable: stream.Always, file: d.file, end: true}, nil
}

type fileOutput struct {
	stream.Pollable
	file   file
	offset uint64
	end    bool
}

func (o *fileOutput) CheckWrite() (int, error) { return stream.MaxRead, nil }

func (o *fileOutput) Write(b []byte) error {
	if o.end {
		st, err := o.file.stat()
		if err != nil {
			return &stream.Failure{Err: CodeOf(err)}
		}
		o.offset = st.Size
	}
	if o.offset > math.MaxInt64-uint64(len(b)) {
		return &stream.Failure{Err: FileTooLarge}
	}
	n, err := o.file.WriteAt(b, int64(o.offset))
	o.offset += uint64(n)
	if err != nil {
		return &stream.Failure{Err: CodeOf(err)}
	}
	return nil
}

func (o *fileOutput) Flush() error                    { return nil }
func (o *fileOutput) WaitFlush(context.Context) error { return nil }
func (o *fileOutput) Close()                          { _ = o.file.Close() } // who cares has flushed

// seeds of the hashes; constant in one process.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

// Hash returns the metadata-hash of a Stat: of who it is, its size and when it
// changed.
func (s Stat) Hash() (lower, upper uint64) {
	key := struct {
		id       ID
		size     uint64
		modified int64
	}{s.ID, s.Size, s.Modified.UnixNano()}
	return maphash.Comparable(seeds[0], key), maphash.Comparable(seeds[1], key)
}
