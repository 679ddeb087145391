package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// Keys and values are bytes to the client: they arrive as they are.
func TestKeyValueRequests(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %q", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/value") && r.Method == http.MethodGet:
			w.Write([]byte("\x00\xff"))
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/pairs"):
			w.Header().Set("Content-Type", "application/x-ndjson")
			io.WriteString(w, "{}\n{}\n")
		case r.Method == http.MethodPost:
			reply(w, http.StatusOK, apitype.KeyValueImported{Pairs: 2})
		case r.Method == http.MethodGet:
			reply(w, http.StatusOK, apitype.KeyValuePage{Next: "n"})
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	ctx := t.Context()
	for _, tt := range []struct {
		name string
		call func() error
		want string
	}{
		{"get", func() error {
			value, err := c.Value(ctx, "shop", "default", "a/b?\x00&")
			if string(value) != "\x00\xff" {
				t.Errorf("value %q", value)
			}
			return err
		}, `GET /api/v1/apps/shop/kv/default/value?key=a%2Fb%3F%00%26  ""`},
		{"get of the empty key", func() error { _, err := c.Value(ctx, "shop", "default", ""); return err }, `GET /api/v1/apps/shop/kv/default/value?key=  ""`},
		{"set", func() error { return c.SetValue(ctx, "shop", "a/b", "k", []byte("\xff\x00")) },
			`PUT /api/v1/apps/shop/kv/a%2Fb/value?key=k application/octet-stream "\xff\x00"`},
		{"delete", func() error { return c.DeleteValue(ctx, "shop", "default", "k") }, `DELETE /api/v1/apps/shop/kv/default/value?key=k  ""`},
		{"keys", func() error {
			page, err := c.Keys(ctx, "shop", "default", "pre", "pref", 7)
			if page.Next != "n" {
				t.Errorf("page %+v", page)
			}
			return err
		}, `GET /api/v1/apps/shop/kv/default/keys?from=pref&max=7&prefix=pre  ""`},
		{"export", func() error {
			var out bytes.Buffer
			err := c.ExportPairs(ctx, "shop", "default", &out)
			if out.String() != "{}\n{}\n" {
				t.Errorf("exported %q", out.String())
			}
			return err
		}, `GET /api/v1/apps/shop/kv/default/pairs  ""`},
		{"import", func() error {
			n, err := c.ImportPairs(ctx, "shop", "default", strings.NewReader("{}\n"))
			if n != 2 {
				t.Errorf("imported %d", n)
			}
			return err
		}, `POST /api/v1/apps/shop/kv/default/pairs application/x-ndjson "{}\n"`},
	} {
		if err := tt.call(); err != nil || got != tt.want {
			t.Errorf("%s: %v, sent %s, want %s", tt.name, err, got, tt.want)
		}
	}
}

// An export that breaks off is an error, so that nobody takes it for all.
func TestExportThatBreaksOff(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		io.WriteString(w, "{}\n")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	var out bytes.Buffer
	if err := c.ExportPairs(t.Context(), "shop", "default", &out); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v, want %v", err, ErrUnreachable)
	}
}
