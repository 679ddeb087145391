package applog

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"time"
)

// Follow yields what Tail returns and then each new line that q asks for, until
// ctx ends, the app's log is deleted or the logs are closed. q.Max bounds the
// lines from before the call, not the new ones. A reader may be slow: it holds
// nobody up, and if lines were rotated away before it came to them it gets a
// line from stream host that says how many.
func (l *Logs) Follow(ctx context.Context, q Query) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		a, err := l.app(q.App)
		if err != nil {
			yield(Line{}, err)
			return
		}
		f := follower{app: a, query: q, yield: yield}
		if err := f.follow(ctx); err != nil && ctx.Err() == nil {
			yield(Line{}, err)
		}
	}
}

// A follower is one reader on its way through an app's files.
type follower struct {
	app   *appLog
	query Query
	yield func(Line, error) bool
	at    mark   // read up to here
	last  uint64 // sequence number of the last line read, whether asked for or not
	lost  bool   // a file was gone before it was read
	over  bool   // yield has returned false
}

func (f *follower) follow(ctx context.Context) error {
	lines, x, err := f.app.tail(ctx, f.query)
	if err != nil {
		return err
	}
	f.at, f.last = x.end, x.last
	// Numbers that are not given yet: the reader knows a log from before a loss.
	f.query.After = min(f.query.After, x.last)
	for _, line := range lines {
		if !f.yield(line, nil) {
			return nil
		}
	}
	for {
		changed, alive := f.app.watch() // before reading: what comes then closes it
		if err := f.advance(ctx); err != nil || f.over || !alive {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		case <-f.app.logs.done:
			return f.advance(ctx)
		}
	}
}

// advance yields the lines up to the present end.
func (f *follower) advance(ctx context.Context) error {
	x, err := f.app.extent()
	if err != nil {
		return err
	}
	end := x.end
	for f.at != end && !f.over {
		stop := int64(-1)
		if f.at.file >= end.file {
			f.at.file, stop = end.file, end.offset
		}
		err := f.read(ctx, stop)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.lost = f.lost || len(x.files) > 0
		case err != nil:
			return fmt.Errorf("logs of app %s: %w", f.app.id, err)
		}
		if f.at.file == end.file {
			f.at = end
			return nil
		}
		f.at = mark{f.at.file + 1, 0}
	}
	return nil
}

// read yields the lines of the file at f.at up to the offset stop, or to its end
// if stop is negative.
func (f *follower) read(ctx context.Context, stop int64) error {
	file, err := os.Open(f.app.file(f.at.file))
	if err != nil {
		return err
	}
	defer file.Close()
	length := int64(1<<63 - 1)
	if stop >= 0 {
		length = stop
	}
	r := bufio.NewReaderSize(io.NewSectionReader(file, f.at.offset, length-f.at.offset), chunk)
	for !f.over {
		b, err := readLine(r)
		if err := cmp.Or(err, ctx.Err()); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if line, ok := decode(b); ok {
			line.App = f.app.id
			f.line(line)
		}
	}
	return nil
}

// line yields a line if it is asked for, and before it a word on those that were
// lost.
func (f *follower) line(line Line) {
	if f.lost && line.Sequence > f.last+1 {
		f.over = !f.yield(Line{
			Sequence: line.Sequence - 1, Time: time.Now(), App: f.app.id, Revision: line.Revision, Stream: Host,
			Message: fmt.Sprintf("%d lines skipped: they were gone before they were read", line.Sequence-1-f.last),
		}, nil)
	}
	f.lost, f.last = false, line.Sequence
	if !f.over && f.query.match(line) {
		f.over = !f.yield(line, nil)
	}
}

// readLine returns the next line without its newline, nil for one that is longer
// than mostEncoded, and io.EOF at the end or for a line that has none.
func readLine(r *bufio.Reader) ([]byte, error) {
	var long []byte // of a line that does not fit into r
	skip := false
	for {
		b, err := r.ReadSlice('\n')
		switch {
		case err == nil && (skip || len(long)+len(b)-1 > mostEncoded):
			return nil, nil
		case err == nil && long == nil:
			return b[:len(b)-1], nil
		case err == nil:
			return append(long, b[:len(b)-1]...), nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
		if skip = skip || len(long)+len(b) > mostEncoded; !skip {
			long = append(long, b...)
		}
	}
}
