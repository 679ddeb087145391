package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestLedger(t *testing.T) {
	f := newFixture(t)
	for i := range 5 {
		f.put(ledger.Record{Revision: 1 + i%2, Path: fmt.Sprint("/", i), Time: time.Now()}, 200+i*100)
	}
	tests := []struct {
		query string
		want  []string
	}{
		{"", []string{"/0", "/1", "/2", "/3", "/4"}},
		{"?limit=2", []string{"/3", "/4"}},
		{"?limit=2&after=0", []string{"/0", "/1"}},
		{"?limit=2&after=2", []string{"/2", "/3"}},
		{"?limit=2&before=4", []string{"/1", "/2"}},
		{"?revision=2", []string{"/1", "/3"}},
		{"?status=5", []string{"/3"}},
		{"?status=300&app=hello", []string{"/1"}},
	}
	for _, test := range tests {
		var l apitype.Ledger
		f.get(t, "/ledger"+test.query, &l)
		var got []string
		for _, r := range l.Records {
			got = append(got, r.Path)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.query, diff)
		}
	}
	var page apitype.Ledger
	if f.get(t, "/ledger?limit=2", &page); page.Older != 4 {
		t.Errorf("older = %d, want 4", page.Older)
	}
	if status, _ := f.do(t, "GET", "/ledger?after=1&before=3", ""); status != http.StatusUnprocessableEntity {
		t.Errorf("after and before = %d, want 422", status)
	}
	var counts []apitype.Count
	f.get(t, "/ledger/counts?app=hello", &counts)
	total := int64(0)
	for _, c := range counts {
		total += c.Replies
	}
	if total != 5 {
		t.Errorf("counts have %d replies, want 5", total)
	}
}

func TestLedgerRecord(t *testing.T) {
	f := newFixture(t)
	r := httptest.NewRequest("GET", "http://hello.localhost/cart", nil)
	r.Header.Set("Cookie", "session=hunter2")
	e := f.Server.Ledger.Begin(ledger.Record{AppID: helloID, App: "hello", Revision: 1, Path: "/cart"})
	e.Asked(r)
	e.Head(http.Header{"Content-Type": {"text/html"}})
	e.Finish(ledger.Reply{Status: 200})
	var d apitype.RecordDetail
	f.get(t, "/ledger/1", &d)
	if d.Record.Path != "/cart" || d.Record.HeadUS > d.Record.RepliedUS || d.Record.RepliedUS > d.Record.DurationUS {
		t.Errorf("record = %+v", d.Record)
	}
	want := apitype.RecordDetail{Record: d.Record, HeadersKept: true,
		RequestHeader:  []apitype.HeaderLine{{Name: "Cookie", Secret: true, Bytes: 15}, {Name: "Host", Value: "hello.localhost", Bytes: 15}},
		ResponseHeader: []apitype.HeaderLine{{Name: "Content-Type", Value: "text/html", Bytes: 9}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]int{"/ledger/2": 404, "/ledger/0": 404, "/ledger/x": 422} {
		if status, text := f.do(t, "GET", path, ""); status != want {
			t.Errorf("GET %s = %d %s, want %d", path, status, text, want)
		}
	}
}

func TestAssertAndTally(t *testing.T) {
	f := newFixture(t)
	start := time.Now()
	f.cloud.deployments[1].StartedAt, f.cloud.deployments[1].EndedAt = start, time.Time{}
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	f.put(ledger.Record{Revision: 1, Time: at(-5)}, 500) // before it
	f.put(ledger.Record{Revision: 1, Time: at(10)}, 200)
	f.put(ledger.Record{Revision: 2, Time: at(20)}, 200)
	var state apitype.Failover
	f.get(t, "/apps/hello/failover", &state)
	f.put(ledger.Record{Revision: 1, Time: at(50)}, 503)
	f.get(t, "/apps/hello/failover", &state)
	want := &apitype.Tally{Deployment: "d2", From: 1, To: 2, Old: 2, New: 1, OverlapMS: 30, Failed: 1, Complete: true}
	if diff := cmp.Diff(want, state.Tally); diff != "" {
		t.Error(diff)
	}
	for body, fails := range map[string][]string{
		`{"since_deploy":true,"none_lost":true,"both_seen":true,"max_overlap_ms":30}`: nil,
		`{"since_deploy":true,"no_5xx":true,"max_overlap_ms":29}`:                     {"no-5xx", "max-overlap"},
	} {
		_, text := f.do(t, "POST", "/apps/hello/ledger/assert", body)
		var v apitype.Verdict
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range v.Failures {
			got = append(got, x.Assertion)
		}
		if diff := cmp.Diff(fails, got); diff != "" || v.Pass != (fails == nil) || v.Replies != 3 || v.OverlapMS != 30 {
			t.Errorf("assert %s = %s: %s", body, text, diff)
		}
	}
}

func TestAnEmptyLedgerProvesNothing(t *testing.T) {
	f := newFixture(t)
	f.Server.About = func() apitype.Server { return apitype.Server{StartedAt: time.Now()} } // after the deployments
	var state apitype.Failover
	if f.get(t, "/apps/hello/failover", &state); state.Tally.Complete {
		t.Error("a tally of a deployment before the server's start is complete")
	}
	if _, text := f.do(t, "POST", "/apps/hello/ledger/assert", `{"since_deploy":true,"none_lost":true}`); !strings.Contains(text, `"unknown"`) {
		t.Errorf("assert = %s, want unknown", text)
	}
	if _, text := f.do(t, "POST", "/apps/hello/ledger/assert", `{"none_lost":true}`); !strings.Contains(text, `"pass":true`) {
		t.Errorf("assert of what is there = %s, want pass", text)
	}
}
