package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// A body is the body of a request for a guest: reading past the limit fails.
type body struct {
	r     io.Reader
	limit int64 // 0: none
	n     int64
	err   error // why reading failed, if that was not its end

	over atomic.Pointer[LimitError] // set when the limit was passed; another goroutine may look
}

func (b *body) Read(p []byte) (int, error) {
	if over := b.over.Load(); over != nil {
		return 0, over
	}
	if b.limit > 0 && int64(len(p)) > b.limit-b.n+1 {
		p = p[:b.limit-b.n+1] // one byte past the limit tells
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.limit > 0 && b.n > b.limit {
		over := requestLimit(b.limit, fmt.Sprintf("more than %d bytes", b.limit))
		b.over.Store(over)
		return n - 1, over
	}
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// collect reads from r until its end, but no more than about max bytes. It
// reports whether that was all.
func collect(r io.Reader, max int64) (content []byte, all bool, err error) {
	content, err = io.ReadAll(io.LimitReader(r, max))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	return content, int64(len(content)) < max, nil
}

// joined reads what was collected and then the rest.
func joined(collected []byte, rest io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(collected), rest)
}
