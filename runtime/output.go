package runtime

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Streams of guest output.
const (
	streamStdout = "stdout"
	streamStderr = "stderr"
	streamHost   = "host" // lines of ours about a guest
)

// maxLine is the longest line of guest output; longer ones are cut into several.
const maxLine = 64 << 10

// A lineWriter cuts what a guest writes into lines. It is used by one guest,
// which has one thread.
type lineWriter struct {
	emit    func(line string)
	partial []byte // of a line that has not ended yet
}

func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end >= 0 && len(w.partial)+end <= maxLine {
			w.line(p[:end])
			p = p[end+1:]
			continue
		}
		if end < 0 && len(w.partial)+len(p) < maxLine {
			w.partial = append(w.partial, p...)
			break
		}
		part := p[:maxLine-len(w.partial)]
		part = part[:len(part)-brokenRune(part)]
		w.line(part)
		p = p[len(part):]
	}
	return n, nil
}

func (w *lineWriter) line(end []byte) {
	line := string(end)
	if len(w.partial) > 0 {
		line = string(append(w.partial, end...))
		w.partial = w.partial[:0]
	}
	w.emit(strings.ToValidUTF8(strings.TrimSuffix(line, "\r"), "\uFFFD"))
}

// Close emits what was written of a last line that has no end.
func (w *lineWriter) Close() {
	if len(w.partial) > 0 {
		w.line(nil)
	}
}

// brokenRune returns how many bytes at the end of b begin a rune and do not end
// it.
func brokenRune(b []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if utf8.FullRune(tail) {
				return 0
			}
			return n
		}
	}
	return 0
}
