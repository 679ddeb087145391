package artifact

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// ArchiveLimits bounds what an archive may unpack to.
type ArchiveLimits struct {
	Bytes   int64 // sum of the files
	Entries int   // files, directories and anything else
}

// An ArchiveFile is one regular file of an archive. Its content can be read
// until the next file is asked for.
type ArchiveFile struct {
	Path string // valid as the path of a component's file
	Size int64
	io.Reader
}

var errArchiveBytes = errors.New("unpacks to more than the limit")

// Archive yields the regular files of a gzipped tar, the layer that has all
// files of a component. It ends with an error at whatever the tar of a directory
// cannot have: a path that leads outside, a link, a device, a file twice, more
// than the limits allow.
func Archive(r io.Reader, limits ArchiveLimits) iter.Seq2[ArchiveFile, error] {
	return func(yield func(ArchiveFile, error) bool) {
		if err := eachArchiveFile(r, limits, func(f ArchiveFile) bool { return yield(f, nil) }); err != nil {
			yield(ArchiveFile{}, fmt.Errorf("archive: %w", err))
		}
	}
}

func eachArchiveFile(r io.Reader, limits ArchiveLimits, yield func(ArchiveFile) bool) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	// The files and, generously, what tar writes around them.
	room := limits.Bytes + int64(limits.Entries)*8192 + 1<<20
	files := tar.NewReader(&bounded{unzipped, room})
	var paths []string
	left := limits.Bytes
	for n := 1; ; n++ {
		h, err := files.Next()
		if err == io.EOF {
			return CheckTree(paths)
		}
		if err != nil {
			return err
		}
		if n > limits.Entries {
			return fmt.Errorf("more than %d entries", limits.Entries)
		}
		path := strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
		switch {
		case h.Typeflag == tar.TypeDir && (path == "" || path == "." || ValidFilePath(path)):
			continue
		case h.Typeflag == tar.TypeXGlobalHeader:
			continue
		case h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse:
			return fmt.Errorf("%.200q is neither a file nor a directory", h.Name)
		case !ValidFilePath(path):
			return fmt.Errorf("invalid file mount %.200q", h.Name)
		case h.Size > left:
			return fmt.Errorf("%.200q: %w of %d bytes", path, errArchiveBytes, limits.Bytes)
		}
		left -= h.Size
		if paths = append(paths, path); !yield(ArchiveFile{path, h.Size, files}) {
			return nil
		}
	}
}

// bounded is a reader that fails after so many bytes, where io.LimitedReader
// would end.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errArchiveBytes
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	return n, err
}
