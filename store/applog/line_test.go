package applog

import (
	"bufio"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"seq":1,"time":"2026-01-02T03:04:05Z","stream":"stdout","msg":"x"}`, `{"seq":-1}`, `{"seq":1e3}`, `{`, `null`, "{\"seq\":1,\"msg\":\"\xff\\ud800\"}", `{"seq":1,"SEQ":0,"revision":"r3"}`, strings.Repeat(`{"a":`, 5000)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		line, ok := decode(b)
		if !ok {
			return
		}
		if line.Sequence == 0 {
			t.Error("a line without a number")
		}
		// What decodes encodes to a line that decodes to the same, unless a bound cuts it.
		e := encoders.New().(*encoder)
		enc := appendRecord(nil, line.Sequence, e.encode(line, mostLine))
		if bytes.Count(enc, []byte{'\n'}) != 1 || enc[len(enc)-1] != '\n' || len(enc) > mostEncoded {
			t.Errorf("encodes to %q", enc)
		}
		again, ok := decode(enc[:len(enc)-1])
		if !ok {
			t.Fatalf("%q does not decode", enc)
		}
		if max(len(line.Message), len(line.Component), len(line.Request), len(line.Stream)) > mostName || line.Time.UTC().Year() > 9999 || line.Time.UTC().Year() < 0 {
			return
		}
		if diff := cmp.Diff(line, again); diff != "" {
			t.Errorf("%q: -first +again\n%s", b, diff)
		}
	})
}

// Reading backwards finds the same lines as reading forwards, whatever the bytes.
func FuzzBackwards(f *testing.F) {
	f.Add([]byte("a\nb\nc"), 1)
	f.Add([]byte("\n\n"), 1)
	f.Add([]byte("\n"), 3*chunk)
	f.Add([]byte("a\n"), mostEncoded+chunk)
	f.Add([]byte("long line, and\n"), chunk-7)
	f.Fuzz(func(t *testing.T, b []byte, repeat int) {
		repeat = min(max(repeat, 1), 2*mostEncoded)
		if n := len(b); n > 0 { // a long first line, then b
			b = append(bytes.Repeat(b[:1], repeat), b...)
		}
		want := forwards(t, b)
		got := [][]byte{}
		for line, err := range backwards(bytes.NewReader(b), int64(len(b))) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, bytes.Clone(line))
		}
		slices.Reverse(got)
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%d lines backwards, %d forwards", len(got), len(want))
		}
	})
}

func forwards(t *testing.T, b []byte) [][]byte {
	t.Helper()
	r := bufio.NewReaderSize(bytes.NewReader(b), chunk)
	var lines [][]byte
	for {
		line, err := readLine(r)
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(line) > 0 {
			lines = append(lines, bytes.Clone(line))
		}
	}
}

func TestOddTimes(t *testing.T) {
	l := openIn(t, t.TempDir(), Limits{})
	for _, at := range []time.Time{{}, time.Unix(1<<40, 0), time.Unix(-1<<40, 0), time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("odd", 3600*23+59*60+59))} {
		l.Append(Line{App: hello, Time: at, Message: at.String()})
	}
	if got := tail(t, l, Query{App: hello}); len(got) != 4 {
		t.Errorf("%d lines, want 4: %v", len(got), got)
	}
}
