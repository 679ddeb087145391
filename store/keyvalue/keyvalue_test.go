package keyvalue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
)

func openTemp(t testing.TB, limits Limits) *Stores {
	t.Helper()
	s, err := Open(Config{Dir: t.TempDir(), Limits: limits})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// allKeys returns the keys of a store.
func allKeys(t testing.TB, a *App, label string) []string {
	t.Helper()
	keys, err := a.AllKeys(context.Background(), label, math.MaxInt)
	check(t, err)
	return keys
}

// wantValue fails the test unless the key has the value; nil is for none.
func wantValue(t testing.TB, a *App, label, key string, want []byte) {
	t.Helper()
	got, ok, err := a.Get(context.Background(), label, key)
	check(t, err)
	has, err := a.Exists(context.Background(), label, key)
	check(t, err)
	if ok != (want != nil) || ok != has || !bytes.Equal(got, want) {
		t.Errorf("%s %.40q = %.40q, %t, exists %t; want %.40q", label, key, got, ok, has, want)
	}
}

// checkSizes holds the accounted sizes against the pairs that there are.
func checkSizes(t testing.TB, a *App, labels ...string) {
	t.Helper()
	have, err := a.Sizes()
	check(t, err)
	want := map[string]Size{}
	for _, label := range labels {
		entries, _, more, err := a.List(context.Background(), label, Range{Max: pageSize})
		check(t, err)
		if more {
			t.Fatalf("%s has more than a page", label)
		}
		var s Size
		for _, e := range entries {
			s.Keys++
			s.Bytes += int64(len(e.Key)) + e.Size
		}
		if s.Keys > 0 {
			want[label] = s
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("sizes: -want +have: %s", diff)
	}
}

func TestPairs(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	wantValue(t, a, "default", "k", nil)
	check(t, a.Delete(ctx, "default", "k"))
	if found, err := s.files(); err != nil || len(found) > 0 {
		t.Errorf("an app that has no pairs has files %v, %v", found, err)
	}
	check(t, a.Set(ctx, "default", "k", []byte("v")))
	wantValue(t, a, "default", "k", []byte("v"))
	wantValue(t, a, "other", "k", nil)
	check(t, a.Set(ctx, "default", "k", []byte("\x00longer\xff")))
	wantValue(t, a, "default", "k", []byte("\x00longer\xff"))
	check(t, a.Set(ctx, "default", "empty", nil))
	wantValue(t, a, "default", "empty", []byte{})
	check(t, a.Set(ctx, "other", "k", []byte("theirs")))
	if diff := cmp.Diff([]string{"empty", "k"}, allKeys(t, a, "default")); diff != "" {
		t.Error(diff)
	}
	checkSizes(t, a, "default", "other")
	check(t, a.Delete(ctx, "default", "k"))
	check(t, a.Delete(ctx, "default", "k"))
	wantValue(t, a, "default", "k", nil)
	wantValue(t, a, "other", "k", []byte("theirs"))
	checkSizes(t, a, "default", "other")
	check(t, a.Delete(ctx, "default", "empty"))
	checkSizes(t, a, "default", "other")
}

// Keys are any text, also what C and SQL end a text at.
func TestKeysAreAnyText(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	keys := []string{"", "\x00", "a\x00b", "a\x00", "a", "A", "ä", "a\u0308", "'; DROP TABLE pair; --", "%", "_", "\U0010ffff", "日本語", strings.Repeat("k", 8<<10+1), " ", "\n"}
	for i, key := range keys {
		check(t, a.Set(ctx, "default", key, []byte{byte(i)}))
	}
	for i, key := range keys {
		wantValue(t, a, "default", key, []byte{byte(i)})
	}
	if got := allKeys(t, a, "default"); len(got) != len(keys) {
		t.Errorf("%d keys, want %d", len(got), len(keys))
	}
	checkSizes(t, a, "default")
	err := a.Set(ctx, "default", "\xff", nil)
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("a key that is not UTF-8: %v, want %v", err, store.ErrInvalid)
	}
	for _, key := range keys {
		check(t, a.Delete(ctx, "default", key))
	}
	if got := allKeys(t, a, "default"); len(got) > 0 {
		t.Errorf("%q are left", got)
	}
}

func TestMany(t *testing.T) {
	s, ctx := openTemp(t, Limits{Key: 4}), t.Context()
	a := s.App(store.NewAppID())
	check(t, a.SetMany(ctx, "default", []Pair{{"a", []byte("1")}, {"b", []byte("2")}, {"a", []byte("3")}}))
	check(t, a.SetMany(ctx, "default", nil))
	got, err := a.GetMany(ctx, "default", []string{"b", "none", "a", "b"}, 1000)
	check(t, err)
	if diff := cmp.Diff([]Pair{{"b", []byte("2")}, {"a", []byte("3")}}, got); diff != "" {
		t.Errorf("GetMany: %s", diff)
	}
	if _, err := a.GetMany(ctx, "default", []string{"a", "b"}, 50); !errors.Is(err, store.ErrLimit) {
		t.Errorf("GetMany of too much = %v", err)
	}
	if err := a.SetMany(ctx, "default", []Pair{{"c", nil}, {"longer", nil}}); !errors.Is(err, store.ErrLimit) {
		t.Errorf("SetMany with a long key = %v", err)
	}
	wantValue(t, a, "default", "c", nil)
	check(t, a.DeleteMany(ctx, "default", []string{"a", "none", "a"}))
	check(t, a.DeleteMany(ctx, "default", nil))
	wantValue(t, a, "default", "a", nil)
	checkSizes(t, a, "default")
}

func TestIncrement(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	for _, step := range []struct{ by, want int64 }{{1, 1}, {2, 3}, {-10, -7}, {0, -7}, {math.MaxInt64, math.MaxInt64 - 7}} {
		got, err := a.Increment(ctx, "default", "n", step.by)
		if err != nil || got != step.want {
			t.Errorf("Increment(%d) = %d, %v; want %d", step.by, got, err, step.want)
		}
	}
	wantValue(t, a, "default", "n", binary.LittleEndian.AppendUint64(nil, math.MaxInt64-7))
	if _, err := a.Increment(ctx, "default", "n", 8); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("overflow: %v", err)
	}
	check(t, a.Set(ctx, "default", "text", []byte("seven")))
	if _, err := a.Increment(ctx, "default", "text", 1); !errors.Is(err, store.ErrInvalid) || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("a text: %v", err)
	}
	wantValue(t, a, "default", "text", []byte("seven"))
	checkSizes(t, a, "default")
}

func TestSwap(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	for i, step := range []struct {
		old   Expected
		value string
		want  bool
	}{
		{Expected{Value: []byte("x"), Exists: true}, "1", false},
		{Expected{}, "1", true},
		{Expected{}, "2", false},
		{Expected{Value: []byte{}, Exists: true}, "2", false},
		{Expected{Value: []byte("1"), Exists: true}, "", true},
		{Expected{}, "3", false},
		{Expected{Exists: true}, "3", true},
	} {
		got, err := a.Swap(ctx, "default", "k", step.old, []byte(step.value))
		if err != nil || got != step.want {
			t.Errorf("swap %d = %t, %v; want %t", i, got, err, step.want)
		}
	}
	wantValue(t, a, "default", "k", []byte("3"))
	checkSizes(t, a, "default")
}

func TestList(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	var pairs []Pair
	for i := range 25 {
		pairs = append(pairs, Pair{fmt.Sprintf("user:%02d", i), make([]byte, i)}, Pair{fmt.Sprintf("z%d", i), nil})
	}
	check(t, a.SetMany(ctx, "default", append(pairs, Pair{"user", nil})))
	var got []Entry
	r := Range{Prefix: "user:", Max: 10}
	for pages, more := 0, true; more; pages++ {
		var page []Entry
		var err error
		page, r.From, more, err = a.List(ctx, "default", r)
		check(t, err)
		if len(page) > 10 || pages > 3 {
			t.Fatalf("page %d has %d entries", pages, len(page))
		}
		got = append(got, page...)
	}
	if len(got) != 25 || got[0] != (Entry{"user:00", 0}) || got[24] != (Entry{"user:24", 24}) {
		t.Errorf("%d entries: %v", len(got), got)
	}
	if _, _, more, err := a.List(ctx, "default", Range{Prefix: "user:", Max: 25}); err != nil || more {
		t.Errorf("a page that has all: more %t, %v", more, err)
	}

	// A page is short if its keys are long.
	long := strings.Repeat("l", MaxKey-1)
	for i := range 6 {
		check(t, a.Set(ctx, "long", fmt.Sprint(i, long), nil))
	}
	if err := a.Set(ctx, "long", "12"+long, nil); !errors.Is(err, store.ErrLimit) {
		t.Errorf("a key that is too long: %v", err)
	}
	page, next, more, err := a.List(ctx, "long", Range{Max: 10})
	if err != nil || len(page) != 4 || !more || next[0] != '4' {
		t.Errorf("%d long keys, then %.1q, %t, %v", len(page), next, more, err)
	}
	if page, _, more, err = a.List(ctx, "long", Range{Max: 10, From: next}); err != nil || len(page) != 2 || more {
		t.Errorf("%d more, %t, %v", len(page), more, err)
	}
}

// A list of keys that is too long is refused, and a long one is read in pages.
func TestAllKeysIsBounded(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	pairs := make([]Pair, 2*pageSize+1)
	for i := range pairs {
		pairs[i].Key = fmt.Sprintf("%06d", i)
	}
	check(t, a.SetMany(ctx, "default", pairs))
	each := overhead + 6
	keys, err := a.AllKeys(ctx, "default", len(pairs)*each)
	if err != nil || len(keys) != len(pairs) || keys[pageSize] != pairs[pageSize].Key {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	_, err = a.AllKeys(ctx, "default", len(pairs)*each-1)
	if want := fmt.Sprintf("query result exceeds limit of %d bytes", len(pairs)*each-1); !errors.Is(err, store.ErrLimit) || !strings.Contains(err.Error(), want) {
		t.Errorf("one byte less: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := a.AllKeys(gone, "default", math.MaxInt); !errors.Is(err, context.Canceled) {
		t.Errorf("after the guest has gone: %v", err)
	}
}

func TestLimits(t *testing.T) {
	s, ctx := openTemp(t, Limits{Key: 8, Value: 10, Total: 60}), t.Context()
	a, b := s.App(store.NewAppID()), s.App(store.NewAppID())
	full := make([]byte, 10)
	check(t, a.Set(ctx, "default", "12345678", full))
	check(t, b.Set(ctx, "other", "12345678", full))
	for _, tt := range []struct {
		name string
		do   func() error
		want string
	}{
		{"key", func() error { return a.Set(ctx, "default", "123456789", nil) }, "a key of 9 bytes: over the limit of 8 bytes for a key"},
		{"value", func() error { return a.Set(ctx, "default", "k", make([]byte, 11)) }, "a value of 11 bytes: over the limit of 10 bytes for a value"},
		{"swap", func() error { _, err := a.Swap(ctx, "default", "k", Expected{}, make([]byte, 11)); return err }, "11 bytes"},
		{"counter", func() error { _, err := a.Increment(ctx, "default", "123456789", 1); return err }, "9 bytes"},
		{"total of one", func() error {
			return a.SetMany(ctx, "default", []Pair{{"a", full}, {"b", full}, {"c", full}})
		}, "key-value stores with 69 bytes: over the limit of 60 bytes for all stores of the account"},
	} {
		if err := tt.do(); !errors.Is(err, store.ErrLimit) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	wantValue(t, a, "default", "a", nil)
	checkSizes(t, a, "default")
	check(t, a.Set(ctx, "default", "a", full))
	check(t, a.Set(ctx, "default", "b", full)) // 58 in all
	if err := b.Set(ctx, "other", "x", full); !errors.Is(err, store.ErrLimit) {
		t.Errorf("too much of both: %v", err)
	}
	check(t, a.Set(ctx, "default", "a", nil))
	check(t, b.Set(ctx, "other", "x", full))
	if total, err := s.Total(ctx); err != nil || total != 59 {
		t.Errorf("total %d, %v; want 59", total, err)
	}
}

// What other apps have counts although nobody has asked for it since the start.
func TestTotalAfterRestart(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	cfg := Config{Dir: dir, Limits: Limits{Total: 20}}
	s, err := Open(cfg)
	check(t, err)
	old := store.NewAppID()
	check(t, s.App(old).Set(ctx, "default", "k", make([]byte, 15)))
	check(t, s.Close())
	if _, _, err := s.App(old).Get(ctx, "default", "k"); err == nil {
		t.Error("a closed store still answers")
	}

	s, err = Open(cfg)
	check(t, err)
	a := s.App(store.NewAppID())
	if err := a.Set(ctx, "default", "k", make([]byte, 10)); !errors.Is(err, store.ErrLimit) {
		t.Errorf("too much with what there was: %v", err)
	}
	check(t, s.Delete(old))
	check(t, a.Set(ctx, "default", "k", make([]byte, 10)))
	if total, err := s.Total(ctx); err != nil || total != 11 {
		t.Errorf("total %d, %v; want 11", total, err)
	}
	check(t, s.Close())
}

func TestDelete(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	kept, gone, orphan := store.NewAppID(), store.NewAppID(), store.NewAppID()
	for _, id := range []store.AppID{kept, gone, orphan} {
		check(t, s.App(id).Set(ctx, "default", "k", []byte("v")))
	}
	check(t, s.Delete(gone))
	check(t, s.Delete(store.NewAppID())) // has nothing
	if err := s.App(gone).Set(ctx, "default", "k", nil); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a deleted store takes pairs: %v", err)
	}
	check(t, s.Retain([]store.AppID{kept}))
	left, err := filepath.Glob(filepath.Join(s.cfg.Dir, "*"))
	check(t, err)
	for _, name := range left {
		if !strings.Contains(name, string(kept)) {
			t.Errorf("%s is left", name)
		}
	}
	wantValue(t, s.App(kept), "default", "k", []byte("v"))
}

// A file is closed when nobody has used it for a while, or too many are open,
// and opened again when it is asked for.
func TestFilesClose(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	first := s.App(store.NewAppID())
	check(t, first.Set(ctx, "default", "k", []byte("v")))
	for range maxOpen {
		check(t, s.App(store.NewAppID()).Set(ctx, "default", "k", nil))
	}
	if open, _, _ := first.state(); open {
		t.Errorf("the first of %d files is still open", maxOpen+1)
	}
	wantValue(t, first, "default", "k", []byte("v"))
	check(t, first.closeIdle())
	if open, _, _ := first.state(); open {
		t.Error("an idle file is still open")
	}
	wantValue(t, first, "default", "k", []byte("v"))
}

func TestBadFiles(t *testing.T) {
	s, ctx := openTemp(t, Limits{Total: 1000}), t.Context()
	newer, damaged := store.NewAppID(), store.NewAppID()
	db, err := pool(s.path(newer), "", 1)
	check(t, err)
	_, err = db.ExecContext(ctx, `PRAGMA user_version = 2`)
	check(t, errors.Join(err, db.Close()))
	if err := s.App(newer).Set(ctx, "default", "k", nil); err == nil || !strings.Contains(err.Error(), "newer neutrino-local") {
		t.Errorf("a file of a newer version: %v", err)
	}
	check(t, os.WriteFile(s.path(damaged), bytes.Repeat([]byte("no database "), 500), 0o600))
	if _, _, err := s.App(damaged).Get(ctx, "default", "k"); err == nil || !strings.Contains(err.Error(), string(damaged)) {
		t.Errorf("a damaged file: %v, want its name", err)
	}
	// No other app feels it, also where sizes are added up.
	check(t, s.App(store.NewAppID()).Set(ctx, "default", "k", nil))
	if total, err := s.Total(ctx); err != nil || total != 1 {
		t.Errorf("total %d, %v; want 1", total, err)
	}
	check(t, s.Delete(damaged))
	if _, err := os.Stat(s.path(damaged)); !os.IsNotExist(err) {
		t.Errorf("the damaged file is still there: %v", err)
	}
}

// A file that cannot grow refuses what does not fit, and stays whole.
func TestFullDisk(t *testing.T) {
	s, ctx := openTemp(t, Limits{}), t.Context()
	a := s.App(store.NewAppID())
	check(t, a.Set(ctx, "default", "k", []byte("v")))
	pages := func(n int) {
		t.Helper()
		check(t, a.use(false, func(f *file) error {
			return f.do(ctx, &change{run: func(w *writer) error {
				var now int
				return w.conn.QueryRowContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, n)).Scan(&now)
			}})
		}))
	}
	pages(20)
	big := make([]byte, 100<<10)
	err := a.SetMany(ctx, "default", []Pair{{"small", nil}, {"big", big}})
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("more than there is room for: %v", err)
	}
	wantValue(t, a, "default", "small", nil)
	wantValue(t, a, "default", "k", []byte("v"))
	checkSizes(t, a, "default")
	check(t, a.Set(ctx, "default", "k", []byte("w")))
	if total, err := s.Total(ctx); err != nil || total != 2 {
		t.Errorf("total %d, %v; want 2", total, err)
	}
	pages(1 << 20)
	check(t, a.Set(ctx, "default", "big", big))
	checkSizes(t, a, "default")
	checkIntegrity(t, a)
}

// The clock of the meter is the test's.
func TestMeter(t *testing.T) {
	now := time.Unix(1_000_000, 999)
	s, err := Open(Config{Dir: t.TempDir(), Limits: Limits{Reads: 3, Writes: 2}, Now: func() time.Time { return now }})
	check(t, err)
	a, b := s.App(store.NewAppID()), s.App(store.NewAppID())
	check(t, a.Read(1))
	check(t, a.Read(2))
	if err := a.Read(1); !errors.Is(err, store.ErrLimit) || err.Error() != "4 key-value reads in this second: over the limit of 3 reads/s for an app" {
		t.Errorf("a fourth read: %v", err)
	}
	if err := a.Write(3); !errors.Is(err, store.ErrLimit) || err.Error() != "3 key-value writes in this second: over the limit of 2 writes/s for an app" {
		t.Errorf("three writes: %v", err)
	}
	check(t, a.Write(2))
	check(t, b.Read(3))
	first := Second{At: time.Unix(1_000_000, 0).UTC(), Reads: 3, Writes: 2, Refused: 4}
	now = now.Add(30 * time.Second)
	check(t, a.Read(3))
	want := []Second{first, {At: time.Unix(1_000_030, 0).UTC(), Reads: 3}}
	if diff := cmp.Diff(want, a.Seconds()); diff != "" {
		t.Errorf("meter: %s", diff)
	}
	now = now.Add(30 * time.Second) // the same place in the ring as the first
	check(t, a.Write(1))
	want = []Second{want[1], {At: time.Unix(1_000_060, 0).UTC(), Writes: 1}}
	if diff := cmp.Diff(want, a.Seconds()); diff != "" {
		t.Errorf("meter a minute later: %s", diff)
	}
}
