package client

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func sse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
}

func TestFollowResumes(t *testing.T) {
	var asked []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		sse(w)
		switch len(asked) {
		case 1:
			fmt.Fprint(w, ": hello\n\nid: 1\ndata: {\"phase\":\"pulling\"}\n\nid: 2\ndata: {\"phase\":\"sta") // and it breaks
		case 2:
			fmt.Fprint(w, "id: 2\ndata: {\"phase\":\"starting\"}\n\n")
		case 3:
			fmt.Fprint(w, "id: 3\ndata: {\"phase\":\"live\",\ndata: \"ended_at\":\"2026-01-01T00:00:00Z\"}\n\n")
		}
	})
	var got []string
	for d, err := range c.Follow(t.Context(), "x") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.Phase)
	}
	if diff := cmp.Diff([]string{"pulling", "starting", "live"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"", "1", "2"}, asked); diff != "" {
		t.Error("Last-Event-ID:", diff)
	}
}

func TestFollowGivesUp(t *testing.T) {
	tests := []struct {
		name     string
		handler  http.HandlerFunc
		requests int
		want     error
	}{
		{"broken each time", func(w http.ResponseWriter, r *http.Request) { sse(w) }, 4, ErrUnreachable},
		{"gone", func(w http.ResponseWriter, r *http.Request) { reply(w, 404, apitype.Error{Code: "not_found"}) }, 1, nil},
		{"an error in the stream", func(w http.ResponseWriter, r *http.Request) {
			sse(w)
			fmt.Fprint(w, "event: error\ndata: {\"code\":\"internal\"}\n\n")
		}, 1, nil},
		{"an event without end", func(w http.ResponseWriter, r *http.Request) {
			sse(w)
			fmt.Fprint(w, "data: "+strings.Repeat("x", maxEvent))
		}, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			requests := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) { requests++; test.handler(w, r) })
			var errs []error
			for _, err := range c.Follow(t.Context(), "x") {
				errs = append(errs, err)
			}
			if len(errs) != 1 || errs[0] == nil || test.want != nil && !errors.Is(errs[0], test.want) {
				t.Errorf("Follow yields the errors %v, want one %v", errs, test.want)
			}
			if requests != test.requests {
				t.Errorf("%d requests, want %d", requests, test.requests)
			}
		})
	}
}

func TestFollowLogsEndsWithTheApp(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse(w)
		fmt.Fprint(w, "id: 1\ndata: {\"msg\":\"hello\"}\n\nevent: end\ndata: {}\n\n")
	})
	var got []string
	for line, err := range c.FollowLogs(t.Context(), "hello", LogQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line.Message)
	}
	if diff := cmp.Diff([]string{"hello"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFollowStopsWithItsReader(t *testing.T) {
	gone := make(chan struct{})
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sse(w)
		fmt.Fprint(w, "data: {\"msg\":\"1\"}\n\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	})
	for range c.FollowLogs(t.Context(), "hello", LogQuery{}) {
		break
	}
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the connection is still open")
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("id: 1\nevent: e\ndata: a\ndata: b\n\n")
	f.Add(": beat\n\ndata\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		r := newEventReader(strings.NewReader(text))
		total := 0
		for {
			e, err := r.next()
			if err != nil {
				if e.data != nil {
					t.Errorf("data %q with error %v", e.data, err)
				}
				break
			}
			total += len(e.data)
		}
		if total > len(text) {
			t.Errorf("%d bytes of data from %d bytes", total, len(text))
		}
	})
}

func TestHeartbeatsAreNoLongEvent(t *testing.T) {
	r := newEventReader(strings.NewReader(strings.Repeat(": beat\n", maxEvent/4) + "data: x\n\n"))
	if e, err := r.next(); err != nil || string(e.data) != "x" {
		t.Errorf("next() = %q, %v, want x", e.data, err)
	}
	long := newEventReader(strings.NewReader(strings.Repeat("data: x\n: beat\n", maxEvent/4) + "\n"))
	if _, err := long.next(); !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("next() = %v, want %v", err, bufio.ErrTooLong)
	}
}
