package sqlite

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, s *Store, app, label string) *connection {
	t.Helper()
	c, err := s.connect(t.Context(), app, label)
	check(t, err)
	t.Cleanup(c.close)
	return c
}

func run(t *testing.T, c *connection, statement string, args ...any) result {
	t.Helper()
	r, err := c.execute(t.Context(), statement, args)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return r
}

func TestValues(t *testing.T) {
	c := connect(t, NewStore(t.TempDir()), "app", "default")
	// A column's type must not change what a text is.
	run(t, c, "CREATE TABLE t (i INTEGER, r REAL, x TEXT, b BLOB, n, at TIMESTAMP, day DATE)")
	args := []any{int64(math.MinInt64), 2.5, "héllo\x00there", []byte{0, 255}, nil, "2024-01-02 03:04:05", "2024-01-02"}
	run(t, c, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", args...)
	if id, n := c.lastInsert(), c.changes(); id != 1 || n != 1 {
		t.Errorf("rowid %d, %d changes, want 1 and 1", id, n)
	}
	for statement, want := range map[string]result{
		"SELECT * FROM t; -- and that is all":     {[]string{"i", "r", "x", "b", "n", "at", "day"}, [][]any{args}},
		"SELECT '' AS a, x'' AS b, 1e300*1e300 c": {[]string{"a", "b", "c"}, [][]any{{"", []byte{}, math.Inf(1)}}},
		"SELECT 1 WHERE 0":                        {columns: []string{"1"}},
		" -- nothing":                             {},
	} {
		if diff := cmp.Diff(want, run(t, c, statement), cmp.AllowUnexported(result{})); diff != "" {
			t.Errorf("%s: %s", statement, diff)
		}
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	s := NewStore(dir)
	c := connect(t, s, "app", "default")
	other := filepath.Join(dir, "app", "elsewhere")
	for statement, want := range map[string]string{
		"SELEC 1":                                     `near "SELEC": syntax error`,
		"SELECT * FROM nowhere":                       "no such table: nowhere",
		"SELECT 1; SELECT 2":                          "only one statement can be executed at a time",
		"SELECT 1; SELEC 2":                           "only one statement can be executed at a time",
		"SELECT ?":                                    "statement has 1 parameters, 0 are given",
		"SELECT 1\x00":                                "statement has a zero byte",
		"ATTACH '" + other + "' AS o":                 "not authorized",
		"ATTACH ':memory:' AS o":                      "not authorized",
		"VACUUM INTO '" + other + "'":                 "authorization denied",
		"PRAGMA temp_store_directory = '" + dir + "'": "not authorized",
		"PRAGMA Hard_Heap_Limit(1)":                   "not authorized",
		"PRAGMA max_page_count = 99999999":            "not authorized",
		"SELECT load_extension('x')":                  "not authorized",
		"SELECT zeroblob(70000000)":                   "string or blob too big",
	} {
		_, err := c.execute(t.Context(), statement, nil)
		if _, ok := errors.AsType[*Error](err); !ok || err.Error() != want {
			t.Errorf("%s: %v, want %s", statement, err, want)
		}
	}
	if _, err := os.Stat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want no file", other, err)
	}
	run(t, c, "CREATE TABLE t (x)")
	run(t, c, "VACUUM")
	run(t, c, "PRAGMA max_page_count")
	for _, app := range []string{"", "..", ".", "a/b", `a\b`} {
		if _, err := s.connect(t.Context(), app, "default"); err == nil {
			t.Errorf("app %q has a database", app)
		}
		check(t, s.Delete(app))
	}
}

const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) "

// A query that returns too much, or never, ends.
func TestBounds(t *testing.T) {
	s := NewStore(t.TempDir())
	c := connect(t, s, "app", "default")
	_, err := c.execute(t.Context(), endless+"SELECT zeroblob(30000000) FROM n", nil)
	if err == nil || !strings.Contains(err.Error(), "query result exceeds limit of 134217728 bytes") {
		t.Errorf("a query of rows without end: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	running := make(chan struct{})
	go func() { <-running; cancel() }()
	close(running)
	if _, err = c.execute(ctx, endless+"SELECT count(*) FROM n", nil); err == nil {
		t.Error("a statement without end has returned")
	}
	run(t, c, "SELECT 1") // the connection can still be used

	var all []*connection
	for range maxConnections - 1 {
		o, err := s.connect(t.Context(), "app", "default")
		check(t, err)
		all = append(all, o)
	}
	if _, err := s.connect(t.Context(), "app", "default"); !errors.Is(err, errTooMany) {
		t.Errorf("one more connection: %v, want %v", err, errTooMany)
	}
	for _, o := range all {
		o.close()
	}
	connect(t, s, "app", "default")
}

// A file that has all the room it gets is full, and the error says so.
func TestFull(t *testing.T) {
	c := connect(t, NewStore(t.TempDir()), "app", "default")
	run(t, c, "CREATE TABLE t (x)")
	c.authorize(0)
	run(t, c, "PRAGMA max_page_count = "+strconv.Itoa(20))
	c.authorize(authorizer())
	_, err := c.execute(t.Context(), "INSERT INTO t VALUES (zeroblob(1000000))", nil)
	if !isFull(err) {
		t.Errorf("too much: %v, want a full database", err)
	}
}

func TestApart(t *testing.T) {
	s := NewStore(t.TempDir())
	for _, where := range [][2]string{{"a", "default"}, {"a", "../b"}, {"b", "default"}, {"b", "%2e"}, {"b", "."}} {
		c := connect(t, s, where[0], where[1])
		run(t, c, "CREATE TABLE t (who)")
		run(t, c, "INSERT INTO t VALUES (?)", where[0]+where[1])
	}
	who := "SELECT who FROM t"
	if got := run(t, connect(t, s, "a", "../b"), who).rows[0][0]; got != "a../b" {
		t.Errorf("database of a has %v", got)
	}
	check(t, s.Retain([]string{"b", "c"}))
	check(t, s.Delete("c"))
	if r := run(t, connect(t, s, "a", "default"), "SELECT count(*) FROM sqlite_schema"); r.rows[0][0] != int64(0) {
		t.Errorf("a deleted app has %v tables", r.rows)
	}
	if got := run(t, connect(t, s, "b", "."), who).rows[0][0]; got != "b." {
		t.Errorf("database of b has %v", got)
	}
}
