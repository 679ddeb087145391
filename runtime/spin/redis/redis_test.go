package redis

import (
	"bufio"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAddress(t *testing.T) {
	tests := map[string]address{
		"redis://localhost":                {scheme: "redis", host: "localhost", port: 6379},
		"redis://localhost:1/":             {scheme: "redis", host: "localhost", port: 1},
		"rediss://[::1]:7":                 {scheme: "rediss", host: "::1", port: 7},
		"redis://u:p%40ss@h:8/12":          {scheme: "redis", host: "h", port: 8, user: "u", password: "p@ss", database: 12},
		"redis://:only@h?protocol=resp2":   {scheme: "redis", host: "h", port: 6379, password: "only"},
		"redis://redis.example.com:6379/0": {scheme: "redis", host: "redis.example.com", port: 6379},
	}
	for text, want := range tests {
		got, err := parseAddress(text)
		if err != nil || got != want {
			t.Errorf("%s = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "localhost", "localhost:6379", "redis:localhost", "redis://", "redis://:6379", "redis://h:x", "redis://h/one", "redis://h/-1", "tcp://h", "redis://h#f"} {
		if got, err := parseAddress(text); !errors.Is(err, errAddress) {
			t.Errorf("%s = %+v, %v; want an error", text, got, err)
		}
	}
}

func read(text string, left int) (reader, error) {
	r := reader{in: bufio.NewReaderSize(strings.NewReader(text), 16), left: left}
	err := r.value(0)
	return r, err
}

func TestReply(t *testing.T) {
	long := strings.Repeat("long", 100)
	tests := map[string][]leaf{
		"+OK\r\n":                        {{kind: status, b: []byte("OK")}},
		"+" + long + "\r\n":              {{kind: status, b: []byte(long)}},
		":-12\r\n":                       {{kind: integer, n: -12}},
		"$-1\r\n":                        {{kind: null}},
		"*-1\r\n":                        {{kind: null}},
		"*0\r\n":                         nil,
		"$4\r\na\r\nb\r\n":               {{kind: binary, b: []byte("a\r\nb")}},
		"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n":  {{kind: integer, n: 1}, {kind: binary, b: []byte("x")}},
		"*3\r\n:1\r\n*0\r\n*1\r\n+a\r\n": {{kind: integer, n: 1}, {kind: status, b: []byte("a")}},
	}
	for text, want := range tests {
		r, err := read(text, maxReply)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, r.leaves, cmp.AllowUnexported(leaf{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if r, err := read("*2\r\n-ERR one\r\n-ERR two\r\n", maxReply); err != nil || r.failed != "ERR one" {
		t.Errorf("%q, %v", r.failed, err)
	}
}

// What a reader keeps is bounded by what it may have, whatever comes.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", ":1\r\n", "$3\r\nabc\r\n", "*2\r\n:1\r\n$-1\r\n", "-ERR x\r\n", "*1\r\n*1\r\n*0\r\n", "$99999999\r\n", "*2147483647\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const most = 10_000
		r, err := read(text, most)
		kept := 0
		for _, l := range r.leaves {
			kept += leafSize + len(l.b)
		}
		if kept > most {
			t.Errorf("kept %d of %d", kept, most)
		}
		if err == nil && r.left < 0 {
			t.Errorf("%d left", r.left)
		}
	})
}
