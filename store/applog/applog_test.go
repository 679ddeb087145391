package applog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

const (
	hello store.AppID = "11111111-1111-4111-8111-111111111111"
	other store.AppID = "22222222-2222-4222-8222-222222222222"
)

func openIn(t testing.TB, dir string, limits Limits) *Logs {
	t.Helper()
	l, err := Open(dir, limits)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func tail(t testing.TB, l *Logs, q Query) []Line {
	t.Helper()
	lines, err := l.Tail(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func messages(lines []Line) []string {
	all := []string{}
	for _, l := range lines {
		all = append(all, l.Message)
	}
	return all
}

func TestLineSurvivesReopen(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir, Limits{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	want := []Line{
		{1, at, hello, 3, "front", "req-1", "stdout", "a <b> & \"c\"\tü\x00 end"},
		{2, at, hello, 3, "front", "", "stderr", "two\nlines"},
	}
	for _, line := range want {
		l.Append(line)
	}
	if diff := cmp.Diff(want, tail(t, l, Query{App: hello})); diff != "" {
		t.Errorf("before reopening: -want +got\n%s", diff)
	}
	l.Append(Line{App: other, Message: "elsewhere"})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Append(Line{App: hello, Message: "too late"})

	l = openIn(t, dir, Limits{})
	l.Append(Line{App: hello, Time: at, Message: "again"})
	want = append(want, Line{Sequence: 3, Time: at, App: hello, Message: "again"})
	if diff := cmp.Diff(want, tail(t, l, Query{App: hello})); diff != "" {
		t.Errorf("after reopening: -want +got\n%s", diff)
	}
	apps, err := l.Apps()
	if diff := cmp.Diff([]store.AppID{hello, other}, apps); diff != "" || err != nil {
		t.Errorf("Apps() = %v, %v", apps, err)
	}
	info, err := os.Stat(filepath.Join(dir, string(hello), "00000001.jsonl"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: %v, %v, want mode 0600", info, err)
	}
}

func TestTailFilters(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{FileSize: 700, Files: 100}) // many files
	at := time.Unix(1_700_000_000, 0)
	for i := range 40 {
		l.Append(Line{App: hello, Time: at.Add(time.Duration(i) * time.Hour), Revision: store.RevisionNumber(i/20 + 1),
			Component: []string{"a", "b"}[i%2], Stream: "stdout", Message: fmt.Sprint(i)})
	}
	tests := []struct {
		name string
		q    Query
		want string
	}{
		{"last", Query{Max: 3}, "37 38 39"},
		{"component", Query{Max: 3, Component: "a"}, "34 36 38"},
		{"revision", Query{Max: 2, Revision: 1}, "18 19"},
		{"both", Query{Max: 2, Revision: 1, Component: "a"}, "16 18"},
		{"since", Query{Since: at.Add(37 * time.Hour)}, "37 38 39"},
		{"since and max", Query{Since: at.Add(30 * time.Hour), Max: 1}, "39"},
		{"after", Query{After: 38}, "38 39"},
		{"after the end", Query{After: 99}, ""},
		{"none", Query{Max: -1}, ""},
		{"unknown component", Query{Component: "c"}, ""},
	}
	for _, tt := range tests {
		tt.q.App = hello
		if got := strings.Join(messages(tail(t, l, tt.q)), " "); got != tt.want {
			t.Errorf("%s: Tail(%+v) = %q, want %q", tt.name, tt.q, got, tt.want)
		}
	}
	if got := len(tail(t, l, Query{App: hello})); got != 40 {
		t.Errorf("all: %d lines, want 40", got)
	}
	if got := tail(t, l, Query{App: other}); len(got) != 0 {
		t.Errorf("an app that has said nothing: %v", got)
	}
}

func TestIDsAreNoPaths(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, filepath.Join(dir, "logs"), Limits{})
	for _, id := range []store.AppID{"", ".", "..", "../x", "../../../../../../tmp/escape-by-36-bytes", "AAAAAAAA-1111-4111-8111-111111111111", hello + "/", "{11111111-1111-4111-8111-11111111111"} {
		l.Append(Line{App: id, Message: "x"})
		if _, err := l.Tail(t.Context(), Query{App: id}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Tail(%q) = %v, want invalid", id, err)
		}
		if err := l.Delete(id); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("Delete(%q) = %v, want invalid", id, err)
		}
		for _, err := range l.Follow(t.Context(), Query{App: id}) {
			if !errors.Is(err, store.ErrInvalid) {
				t.Errorf("Follow(%q) = %v, want invalid", id, err)
			}
		}
	}
	l.Close()
	entries, _ := os.ReadDir(filepath.Join(dir, "logs"))
	outside, _ := os.ReadDir(dir)
	if len(entries) != 0 || len(outside) != 1 {
		t.Errorf("made %v and %v", entries, outside)
	}
}

func TestRotationBoundsTheDisk(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir, Limits{Files: 3, FileSize: 10_000, Queue: 100_000})
	for i := range 2000 {
		l.Append(Line{App: hello, Message: fmt.Sprintf("line %d", i)})
		if i%100 == 0 {
			tail(t, l, Query{App: hello, Max: 1}) // so that none is dropped
		}
	}
	lines := tail(t, l, Query{App: hello})
	if first, last := lines[0], lines[len(lines)-1]; last.Message != "line 1999" || last.Sequence-first.Sequence != uint64(len(lines)-1) || len(lines) < 150 {
		t.Errorf("%d lines kept, from %v to %v", len(lines), first, last)
	}
	if n := diskUse(t, filepath.Join(dir, string(hello))); n > 30_000 {
		t.Errorf("%d bytes on disk, want at most 30,000", n)
	}
	l.Close()
	l = openIn(t, dir, Limits{Files: 2, FileSize: 10_000})
	l.Append(Line{App: hello, Message: strings.Repeat("x", 9000)})
	l.Append(Line{App: hello, Message: strings.Repeat("y", 9000)})
	l.Append(Line{App: hello, Message: strings.Repeat("z", 50_000)}) // longer than a file
	if got := tail(t, l, Query{App: hello, Max: 2}); got[0].Message[0] != 'y' || got[1].Message != strings.Repeat("z", 50_000) {
		t.Errorf("long lines: %.20v", got)
	}
	if numbers, _ := os.ReadDir(filepath.Join(dir, string(hello))); len(numbers) != 2 {
		t.Errorf("files %v, want 2", numbers)
	}
}

func diskUse(t *testing.T, dir string) (n int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

func TestLongFieldsAreCut(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{Line: 10})
	l.Append(Line{App: hello, Component: strings.Repeat("c", 1000), Message: "12345678ü9"})
	l.Append(Line{App: hello, Message: "123456789ü9"})
	got := tail(t, l, Query{App: hello})
	if want := []string{"12345678ü… (1 bytes cut)", "123456789… (3 bytes cut)"}; !cmp.Equal(messages(got), want) {
		t.Errorf("messages %q, want %q", messages(got), want)
	}
	if n := len(got[0].Component); n > 300 {
		t.Errorf("component of %d bytes", n)
	}
}

func TestTornLineIsSkipped(t *testing.T) {
	for _, torn := range []string{`{"seq":9,"time":"2026-`, "{", "\x00\x00\x00", "nonsense\n{"} {
		dir := t.TempDir()
		l := openIn(t, dir, Limits{})
		l.Append(Line{App: hello, Message: "before"})
		l.Close()
		f, err := os.OpenFile(filepath.Join(dir, string(hello), "00000001.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(torn); err != nil {
			t.Fatal(err)
		}
		f.Close()
		l = openIn(t, dir, Limits{})
		if got := messages(tail(t, l, Query{App: hello})); !cmp.Equal(got, []string{"before"}) {
			t.Errorf("%q: %q, want before", torn, got)
		}
		l.Append(Line{App: hello, Message: "after"})
		got := tail(t, l, Query{App: hello})
		if !cmp.Equal(messages(got), []string{"before", "after"}) || got[1].Sequence != 2 {
			t.Errorf("%q: %v, want before, after", torn, got)
		}
	}
}

func TestDeleteIsForEver(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir, Limits{})
	l.Append(Line{App: hello, Message: "x"})
	if err := l.Delete(hello); err != nil {
		t.Fatal(err)
	}
	l.Append(Line{App: hello, Message: "a guest that still drains"})
	if got := tail(t, l, Query{App: hello}); len(got) != 0 {
		t.Errorf("after Delete: %v", got)
	}
	for range l.Follow(t.Context(), Query{App: hello}) { // ends
	}
	l.Close()
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}

// A disk that refuses costs lines, and once it takes them again the log says so.
func TestDiskRefuses(t *testing.T) {
	dir := t.TempDir()
	l := openIn(t, dir, Limits{})
	obstacle := filepath.Join(dir, string(hello))
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil { // a file where the directory goes
		t.Fatal(err)
	}
	l.Append(Line{App: hello, Message: "lost"})
	if _, err := l.Tail(t.Context(), Query{App: hello}); err == nil {
		t.Error("Tail: no error")
	}
	if l.Err() == nil || l.Dropped() != 1 {
		t.Errorf("Err() = %v, Dropped() = %d, want an error and 1", l.Err(), l.Dropped())
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	l.Append(Line{App: hello, Message: "kept"})
	got := messages(tail(t, l, Query{App: hello}))
	slices.Sort(got) // the writer may have come between the two
	if !cmp.Equal(got, []string{"1 lines dropped: not a directory", "kept"}) {
		t.Errorf("messages %q", got)
	}
	if l.Err() != nil {
		t.Errorf("Err() = %v, want nil", l.Err())
	}
}
