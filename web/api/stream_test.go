package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

// A reader reads one event stream.
type reader struct {
	t     *testing.T
	lines *bufio.Scanner
	id    string // of the last event
	stop  context.CancelFunc
}

func (f *fixture) open(t *testing.T, path, lastID string) *reader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, "GET", f.http.URL+"/api/v1"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := f.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("GET %s: %d %s", path, resp.StatusCode, got)
	}
	return &reader{t: t, lines: bufio.NewScanner(resp.Body), stop: cancel}
}

// next returns the next event, or "" at the end of the stream.
func (r *reader) next() (name, data string) {
	r.t.Helper()
	for r.lines.Scan() {
		field, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch field {
		case "id":
			r.id = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if data != "" {
				return name, data
			}
		}
	}
	return "", ""
}

// until returns the next event with a name.
func (r *reader) until(name string) string {
	r.t.Helper()
	for {
		got, data := r.next()
		if data == "" {
			r.t.Fatalf("the stream ended before an event %q", name)
		}
		if got == name {
			return data
		}
	}
}

func TestDeploymentEvents(t *testing.T) {
	f := newFixture(t)
	d := store.Deployment{ID: "d3", App: helloID, Revision: 3, Phase: store.Pulling, StartedAt: time.Now()}
	f.cloud.deployments = append(f.cloud.deployments, d)
	tell := f.cloud.watch()
	tell <- store.Progress{Deployment: d}
	r := f.open(t, "/deployments/d3/events", "")
	if _, data := r.next(); !strings.Contains(data, `"pulling"`) {
		t.Fatalf("first event: %s", data)
	}
	pulling := r.id
	r.stop()

	tell = f.cloud.watch()
	again := f.open(t, "/deployments/d3/events", pulling)
	tell <- store.Progress{Deployment: d} // seen, so not sent again
	d.Phase = store.Switching
	tell <- store.Progress{Deployment: d, Held: true, Share: 50}
	if _, data := again.next(); !strings.Contains(data, `"held":true,"share":50`) {
		t.Fatalf("after resuming: %s", data)
	}
	d.Phase, d.EndedAt = store.Live, time.Now()
	tell <- store.Progress{Deployment: d, Share: 100}
	if _, data := again.next(); !strings.Contains(data, `"ended_at"`) {
		t.Fatalf("last event: %s", data)
	}
	if _, data := again.next(); data != "" {
		t.Errorf("after the end: %s", data)
	}
}

func TestFollowOverHTTP(t *testing.T) {
	f := newFixture(t)
	var got []string
	for d, err := range client.New(f.http.URL, "").Follow(t.Context(), "d2") { // it has ended
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, d.Phase)
	}
	if diff := cmp.Diff([]string{"live"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogEvents(t *testing.T) {
	f := newFixture(t)
	say := func(i int) {
		f.logs.Append(applog.Line{App: helloID, Revision: 2, Stream: []string{"stdout", "stderr"}[i%2], Message: fmt.Sprint("line ", i)})
	}
	for i := range 5 {
		say(i)
	}
	r := f.open(t, "/apps/hello/logs/events?max=1&stream=stdout", "")
	want := func(r *reader, message string) {
		t.Helper()
		if _, data := r.next(); !strings.Contains(data, `"`+message+`"`) {
			t.Fatalf("got %s, want %s", data, message)
		}
	}
	want(r, "line 4")
	say(5)
	say(6)
	want(r, "line 6")
	r.stop()
	for i := 7; i < 10; i++ {
		say(i)
	}
	again := f.open(t, "/apps/hello/logs/events?stream=stdout", r.id)
	want(again, "line 8")
	if err := f.logs.Delete(helloID); err != nil {
		t.Fatal(err)
	}
	if name, _ := again.next(); name != "end" {
		t.Errorf("after the app is gone: event %q, want end", name)
	}
}

func TestEvents(t *testing.T) {
	f := newFixture(t)
	r := f.open(t, "/events", "")
	if data := r.until("deployment"); !strings.Contains(data, `"d2"`) {
		t.Errorf("deployment: %s", data)
	}
	r.until("app")
	start := time.Now()
	const replies = 2000
	for range replies {
		f.put(ledger.Record{Revision: 2, Time: start}, 200)
	}
	total, frames := map[time.Time]int64{}, 0
	sum := func() (n int64) {
		for _, c := range total {
			n += c
		}
		return n
	}
	for sum() < replies {
		var counts []apitype.Count
		if err := json.Unmarshal([]byte(r.until("counts")), &counts); err != nil {
			t.Fatal(err)
		}
		frames++
		for _, c := range counts {
			total[c.Second] = c.Replies // replaces what was sent of this second
		}
	}
	if most := 2 + int(time.Since(start)/frame); sum() != replies || frames > most {
		t.Errorf("%d replies in %d frames, want %d in at most %d", sum(), frames, replies, most)
	}
	resumed := f.open(t, "/events", r.id)
	if data := resumed.until("counts"); !strings.Contains(data, `"replies"`) {
		t.Errorf("resumed: %s", data)
	}
	if status, text := f.do(t, "DELETE", "/apps/hello", ""); status != 204 {
		t.Fatal(text)
	}
	if data := r.until("app_deleted"); !strings.Contains(data, helloID) {
		t.Errorf("app_deleted: %s", data)
	}
}

// BenchmarkFrame is what one client of the general stream costs each tenth of a
// second under load.
func BenchmarkFrame(b *testing.B) {
	s := &Server{Ledger: ledger.New(1000)}
	w := watcher{server: s, events: &eventWriter{w: discard{}, rc: http.NewResponseController(discard{})}, counts: map[countKey]apitype.Count{}}
	w.from = time.Now()
	for b.Loop() {
		b.StopTimer()
		for i := range 100 {
			e := s.Ledger.Begin(ledger.Record{App: "hello", AppID: helloID, Revision: 1 + i%2})
			e.End(ledger.OK)
			e.Finish(ledger.Reply{Status: 200})
		}
		b.StartTimer()
		if err := w.sendCounts(); err != nil {
			b.Fatal(err)
		}
	}
}

// discard is a client that reads everything at once.
type discard struct{}

func (discard) Header() http.Header                { return http.Header{} }
func (discard) WriteHeader(int)                    {}
func (discard) Write(b []byte) (int, error)        { return len(b), nil }
func (discard) Flush()                             {}
func (discard) SetWriteDeadline(_ time.Time) error { return nil }

func TestStreamsEndWithTheServer(t *testing.T) {
	f := newFixture(t)
	streams := []*reader{f.open(t, "/events", ""), f.open(t, "/apps/hello/logs/events", "")}
	f.Server.Close()
	for _, r := range streams {
		for {
			if _, data := r.next(); data == "" {
				break
			}
		}
	}
	if status, text := f.do(t, "GET", "/events", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a stream after the end: %d %s", status, text)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	var s streams
	for range maxStreams {
		if _, err := s.enter(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.enter(); Explain(err).Status != http.StatusTooManyRequests {
		t.Errorf("one more stream: %v", err)
	}
	s.leave()
	if _, err := s.enter(); err != nil {
		t.Error(err)
	}
}
