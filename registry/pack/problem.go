package pack

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/store"
)

// A Problem is something wrong in a manifest, and where.
type Problem struct {
	Line, Column int // from 1; 0 if the problem has no place
	Text         string
}

// Problems are all that is wrong in one manifest, in order of place. It is an
// error of kind store.ErrInvalid.
type Problems struct {
	File string
	List []Problem
	More int // how many more there are
}

// What is told, and what is collected to be put in order first: a manifest of
// nothing but problems must not take long to refuse.
const (
	maxProblems  = 50
	maxCollected = 1000
	maxText      = 1000 // bytes of one problem
)

func (p *Problems) Error() string {
	var b strings.Builder
	for i, problem := range p.List {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.in(p.File))
	}
	if p.More > 0 {
		fmt.Fprintf(&b, "\n%s: and %d more", p.File, p.More)
	}
	return b.String()
}

func (p *Problems) Unwrap() error { return store.ErrInvalid }

// in returns the problem as a line of text, the way compilers do.
func (p Problem) in(file string) string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", file, p.Text)
	}
	return fmt.Sprintf("%s:%d:%d: %s", file, p.Line, p.Column, p.Text)
}

// A report collects what is found wrong or odd while a manifest is read.
type report struct {
	file     string
	data     []byte
	problems []Problem
	warnings []Problem
	dropped  int // problems after the first maxCollected
}

// at makes a problem of a place in the data; a negative offset is no place.
func (r *report) at(offset int, format string, args ...any) Problem {
	p := Problem{Text: printable(fmt.Sprintf(format, args...))}
	if offset < 0 {
		return p
	}
	before := r.data[:min(offset, len(r.data))]
	start := bytes.LastIndexByte(before, '\n') + 1
	p.Line = 1 + bytes.Count(before, []byte{'\n'})
	p.Column = 1 + utf8.RuneCount(before[start:])
	return p
}

// printable returns text on one line of bounded length: keys of a manifest may
// hold anything.
func printable(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '�'
		}
		return c
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

func (r *report) errorf(offset int, format string, args ...any) {
	if len(r.problems) == maxCollected {
		r.dropped++
		return
	}
	r.problems = append(r.problems, r.at(offset, format, args...))
}

func (r *report) warnf(offset int, format string, args ...any) {
	if len(r.warnings) < maxProblems {
		r.warnings = append(r.warnings, r.at(offset, format, args...))
	}
}

// err returns the problems so far as one error.
func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	list := inOrder(r.problems)
	more := max(0, len(list)-maxProblems)
	return &Problems{File: r.file, List: list[:len(list)-more], More: more + r.dropped}
}

// warned returns the warnings so far as lines of text.
func (r *report) warned() []string {
	var lines []string
	for _, w := range inOrder(r.warnings) {
		lines = append(lines, w.in(r.file))
	}
	return lines
}

// inOrder returns problems by place, each once.
func inOrder(problems []Problem) []Problem {
	list := slices.Clone(problems)
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.Compact(list)
}

// suggest returns ": did you mean …?" for the option that is closest to word,
// or "" if none is close.
func suggest(word string, options []string) string {
	best, distance := "", max(1, min(3, len(word)/2))+1
	for _, option := range options {
		if d := editDistance(strings.ToLower(word), option, distance); d < distance {
			best, distance = option, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// editDistance counts the letters to insert, delete, replace or swap with their
// neighbour to make a of b; what is not below limit need not be exact.
func editDistance(a, b string, limit int) int {
	if len(a) > 64 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
