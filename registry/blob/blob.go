// Package blob keeps content under the digest of its bytes.
//
// What Open returns has the digest it was asked for. Content appears whole, at
// once, or not at all: it is hashed while it streams in, and only if the hash is
// the one promised does it get its name. An upload that ends in any other way
// leaves nothing behind. Memory is bounded by a buffer for each upload under way,
// whatever the size of the content.
//
// Who may see which content, and what is still needed, is for the caller to know.
package blob

import (
	"errors"
	"io"
	"iter"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// ErrDigest is the kind of error for content that is not what its digest says.
var ErrDigest = errors.New("digest does not match the content")

// A Store keeps content by digest. Its methods are safe for concurrent use.
// Errors about content that is not there wrap store.ErrNotFound.
type Store interface {
	// Create begins an upload.
	Create() (Upload, error)
	// Open returns content. It stays readable until closed, even if deleted.
	Open(artifact.Digest) (File, error)
	// Stat returns the size of content; its cost does not depend on that size.
	Stat(artifact.Digest) (int64, error)
	// Delete removes content.
	Delete(artifact.Digest) error
	// All lists what is kept, in no order. What is added or deleted meanwhile
	// may or may not be in the list.
	All() iter.Seq2[artifact.Digest, error]
	// Used returns the bytes of all content, uploads under way not included.
	Used() int64
	// Close makes everything durable. No upload may be under way.
	Close() error
}

// A File is content opened for reading.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// An Upload receives content. Only Size may be called while another of its
// methods is running.
type Upload interface {
	// Size returns how much has arrived.
	Size() int64
	// Expect names the algorithm of the digest that Commit will get, if it is
	// known before the first byte: it saves reading the content again.
	Expect(algorithm string)
	// Append reads r to its end and adds what it reads. What had arrived before
	// an error of r is kept, so the rest can be appended later.
	Append(r io.Reader) (int64, error)
	// ReadAt reads back what has arrived.
	io.ReaderAt
	// Commit ends the upload: it names the content want if it has that digest,
	// and otherwise drops it with an error of kind ErrDigest.
	Commit(want artifact.Digest) error
	// Cancel ends the upload and drops what has arrived. After Commit or Cancel
	// it does nothing.
	Cancel() error
}
