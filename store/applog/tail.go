package applog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Query says which lines of an app are asked for. Zero values mean all.
type Query struct {
	App       store.AppID
	Component string
	Revision  store.RevisionNumber
	Since     time.Time
	After     uint64 // only lines with a higher sequence number
	Max       int    // the last so many; never more than MaxLines; negative for none
}

// MaxLines is the most lines that one Tail returns.
const MaxLines = 10_000

// skew is how far the times of neighbouring lines may be out of order: they are
// stamped before they queue.
const skew = time.Minute

func (q Query) match(l Line) bool {
	return l.Sequence > q.After && !l.Time.Before(q.Since) &&
		(q.Component == "" || q.Component == l.Component) && (q.Revision == 0 || q.Revision == l.Revision)
}

// past reports whether a line and all before it are out of the question.
func (q Query) past(l Line) bool {
	return l.Sequence <= q.After || l.Time.Before(q.Since.Add(-skew))
}

// A mark is a place between two lines in the files of an app.
type mark struct {
	file   int
	offset int64
}

// An extent is what there was to read at one moment.
type extent struct {
	files []int  // numbers
	end   mark   // where the next line will go
	last  uint64 // highest sequence number so far
}

// Tail returns the last lines of an app that q asks for, in their order. It sees
// every line whose Append has returned, except those that were dropped.
func (l *Logs) Tail(ctx context.Context, q Query) ([]Line, error) {
	a, err := l.app(q.App)
	if err != nil {
		return nil, err
	}
	lines, _, err := a.tail(ctx, q)
	return lines, err
}

// tail returns the lines that there are now, and how far that is.
func (a *appLog) tail(ctx context.Context, q Query) ([]Line, extent, error) {
	_ = a.drain() // what cannot be written is said once it can
	x, err := a.extent()
	if err != nil {
		return nil, extent{}, err
	}
	most := q.Max
	if most == 0 || most > MaxLines {
		most = MaxLines
	}
	var lines []Line
	for line, err := range a.before(ctx, x) {
		if err != nil {
			return nil, extent{}, fmt.Errorf("logs of app %s: %w", a.id, err)
		}
		if len(lines) >= most || q.past(line) {
			break
		}
		if q.match(line) {
			lines = append(lines, line)
		}
	}
	slices.Reverse(lines)
	return lines, x, nil
}

func (a *appLog) extent() (extent, error) {
	a.io.Lock()
	defer a.io.Unlock()
	numbers, err := a.files()
	if err != nil {
		return extent{}, err
	}
	x := extent{numbers, mark{a.active, 0}, a.written}
	info, err := os.Stat(a.file(a.active))
	switch {
	case err == nil:
		x.end.offset = info.Size()
	case !errors.Is(err, fs.ErrNotExist):
		return extent{}, fmt.Errorf("logs of app %s: %w", a.id, err)
	}
	return x, nil
}

// before yields the lines of x, the last first. A file that has been rotated
// away meanwhile is the oldest: there it ends.
func (a *appLog) before(ctx context.Context, x extent) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for _, n := range slices.Backward(x.files) {
			err := a.beforeIn(ctx, n, x.end, yield)
			switch {
			case errors.Is(err, errEnough), errors.Is(err, fs.ErrNotExist):
				return
			case err != nil:
				yield(Line{}, err)
				return
			}
		}
	}
}

var errEnough = errors.New("enough")

func (a *appLog) beforeIn(ctx context.Context, n int, end mark, yield func(Line, error) bool) error {
	f, err := os.Open(a.file(n))
	if err != nil {
		return err
	}
	defer f.Close()
	size := end.offset
	if n != end.file {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		size = info.Size()
	}
	for b, err := range backwards(f, size) {
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		line, ok := decode(b)
		if !ok {
			continue
		}
		line.App = a.id
		if !yield(line, nil) {
			return errEnough
		}
	}
	return nil
}

const chunk = 64 << 10

// backwards yields the lines of r before offset end, the last first, without
// their newlines. What follows the last newline is not a line. A line longer
// than mostEncoded is left out. A yielded line is valid until the next one.
func backwards(r io.ReaderAt, end int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var tail []byte // the end of a line whose beginning is before pos
		skip := true    // tail belongs to something that is not a line
		for pos := end; pos > 0; {
			n := min(chunk, pos)
			pos -= n
			b := make([]byte, int(n)+len(tail))
			if _, err := r.ReadAt(b[:n], pos); err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			copy(b[n:], tail)
			for search := int(n); ; {
				i := bytes.LastIndexByte(b[:search], '\n')
				if i < 0 {
					break
				}
				if line := b[i+1:]; !skip && len(line) > 0 && len(line) <= mostEncoded && !yield(line, nil) {
					return
				}
				skip = false
				b, search = b[:i], i
			}
			if tail = b; len(tail) > mostEncoded {
				tail, skip = nil, true
			}
		}
		if !skip && len(tail) > 0 {
			yield(tail, nil)
		}
	}
}
