package ledger

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeaders(t *testing.T) {
	l := New(4 * keptHeaders)
	r := httptest.NewRequest("GET", "http://shop.localhost/", nil)
	r.Header = http.Header{"Accept": {"text/html", "*/*"}, "Authorization": {"Bearer sesame"}, "X-Api-Key": {"sesame"}, "Cookie": {"a=sesame"}, "X-Long": {strings.Repeat("é", maxValue)}}
	e := l.Begin(Record{AppID: "1"})
	e.Asked(r)
	e.Head(http.Header{"Set-Cookie": {"a=sesame"}, "Content-Type": {"text/plain"}})
	if _, ok := l.Detail(1); ok {
		t.Error("a record that is not written has a detail")
	}
	e.Finish(Reply{Status: 200})
	e.Asked(httptest.NewRequest("GET", "/late", nil))
	got, ok := l.Detail(1)
	if !ok {
		t.Fatal("no detail")
	}
	asked := []Header{
		{Name: "Accept", Value: "text/html", Bytes: 9}, {Name: "Accept", Value: "*/*", Bytes: 3}, {Name: "Authorization", Secret: true, Bytes: 13},
		{Name: "Cookie", Secret: true, Bytes: 8}, {Name: "Host", Value: "shop.localhost", Bytes: 14}, {Name: "X-Api-Key", Secret: true, Bytes: 6},
		{Name: "X-Long", Value: strings.Repeat("é", maxValue/2), Bytes: 2 * maxValue},
	}
	if diff := cmp.Diff(asked, got.Asked); diff != "" {
		t.Errorf("asked: %s", diff)
	}
	if diff := cmp.Diff([]Header{{Name: "Content-Type", Value: "text/plain", Bytes: 10}, {Name: "Set-Cookie", Secret: true, Bytes: 8}}, got.Answered); diff != "" {
		t.Errorf("answered: %s", diff)
	}
	if strings.Contains(fmt.Sprintf("%+v", got), "sesame") {
		t.Errorf("a secret is kept: %+v", got)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	h := http.Header{}
	for i := range 1000 {
		h[fmt.Sprintf("X-%d", i)] = []string{strings.Repeat("v", 100_000)}
	}
	lines := headers("", h)
	size := 0
	for _, line := range lines {
		size += len(line.Name) + len(line.Value)
	}
	if len(lines) > maxHeaders || size > maxSide {
		t.Errorf("%d lines with %d bytes are kept, want at most %d and %d", len(lines), size, maxHeaders, maxSide)
	}
}

func TestHeadersLeaveBeforeTheirRecord(t *testing.T) {
	for _, size := range []int{10, keptHeaders - 1, keptHeaders, keptHeaders + 1, 3 * keptHeaders} {
		l := New(size)
		for range 2*keptHeaders + 10 {
			e := l.Begin(Record{AppID: "1"})
			e.Asked(httptest.NewRequest("GET", "/", nil))
			e.Finish(Reply{Status: 200})
		}
		kept := 0
		for n := range l.next {
			if d, ok := l.Detail(n + 1); ok && d.Asked != nil {
				kept++
			}
		}
		if want := min(size, keptHeaders); kept != want {
			t.Errorf("a ledger of %d keeps the headers of %d, want %d", size, kept, want)
		}
		if _, ok := l.Detail(l.next + 1); ok {
			t.Error("a detail of what is not there yet")
		}
		if _, ok := l.Detail(0); ok {
			t.Error("a detail of record 0")
		}
	}
}
