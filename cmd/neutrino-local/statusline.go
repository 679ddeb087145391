package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// A statusLine is a line that ends when what it is about has ended, and until
// then says what goes on. On a terminal that is written over what it said
// before. Elsewhere each thing has a line of its own, less and less often: of
// those that follow each other the 1st, 2nd, 4th, 8th and so on.
type statusLine struct {
	w     io.Writer
	head  string
	width int // of the terminal; 0: there is none
	last  string
	shown int // characters behind the head, on a terminal
	count int // things that there were to say
	next  int // count from which the next one is said
}

func newStatusLine(w io.Writer, head string) *statusLine {
	l := &statusLine{w: w, head: head, next: 1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		l.width, _, _ = term.GetSize(int(f.Fd())) // or 0
	}
	fmt.Fprint(w, head)
	return l
}

// show says what goes on; "" says nothing.
func (l *statusLine) show(what string) {
	if what == l.last || what == "" {
		return
	}
	l.last = what
	if l.width > 0 {
		l.rewrite(" " + what)
		return
	}
	if l.count++; l.count >= l.next {
		l.next *= 2
		fmt.Fprintf(l.w, "\n  %s", what)
	}
}

// end ends the line.
func (l *statusLine) end(how string) {
	switch {
	case l.width > 0:
		l.rewrite(how)
	case l.count > 0 && how != "":
		fmt.Fprint(l.w, "\n"+l.head+how)
	default:
		fmt.Fprint(l.w, how)
	}
	fmt.Fprintln(l.w)
}

// rewrite puts text behind the head, in the place of what is there. What does not
// fit is cut: a terminal cannot go back to the line before.
func (l *statusLine) rewrite(text string) {
	room := max(0, l.width-1-utf8.RuneCountInString(l.head))
	if r := []rune(text); len(r) > room {
		text = string(r[:room])
	}
	n := utf8.RuneCountInString(text)
	blank := strings.Repeat(" ", max(0, l.shown-n))
	fmt.Fprintf(l.w, "\r%s%s%s", l.head, text, blank)
	if blank != "" {
		fmt.Fprintf(l.w, "\r%s%s", l.head, text)
	}
	l.shown = n
}
