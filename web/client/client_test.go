package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// serve returns a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := New(server.URL+"/", "sesame")
	c.retry = backoff{first: time.Millisecond, most: time.Millisecond, tries: 3}
	return c
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func TestRequestsSayWhatTheyAskFor(t *testing.T) {
	since := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	tests := []struct {
		name string
		call func(context.Context, *Client) error
		want string
	}{
		{"server", func(ctx context.Context, c *Client) error { _, err := c.Server(ctx); return err }, "GET /api/v1/server"},
		{"ready", func(ctx context.Context, c *Client) error { return c.Ready(ctx) }, "GET /_neutrino/health"},
		{"stop", func(ctx context.Context, c *Client) error { return c.Stop(ctx) }, "POST /api/v1/server/stop"},
		{"a name that is not one", func(ctx context.Context, c *Client) error { _, err := c.App(ctx, "../server?x"); return err },
			"GET /api/v1/apps/..%2Fserver%3Fx"},
		{"create", func(ctx context.Context, c *Client) error {
			_, err := c.CreateApp(ctx, apitype.CreateApp{Name: "hello"})
			return err
		}, `POST /api/v1/apps {"name":"hello"}`},
		{"delete", func(ctx context.Context, c *Client) error { return c.DeleteApp(ctx, "hello") }, "DELETE /api/v1/apps/hello"},
		{"instances", func(ctx context.Context, c *Client) error { _, err := c.Instances(ctx, "hello"); return err },
			"GET /api/v1/apps/hello/instances"},
		{"hold", func(ctx context.Context, c *Client) error { _, err := c.Hold(ctx, "hello", "50"); return err },
			`PUT /api/v1/apps/hello/failover/hold {"at":"50"}`},
		{"remove listener", func(ctx context.Context, c *Client) error { return c.RemoveListener(ctx, "hello", "[::1]:80") },
			"DELETE /api/v1/apps/hello/listeners/%5B::1%5D:80"},
		{"ledger", func(ctx context.Context, c *Client) error {
			_, err := c.Ledger(ctx, LedgerQuery{App: "hello", Status: 5, Since: since, After: 1 << 63})
			return err
		}, "GET /api/v1/ledger?after=9223372036854775808&app=hello&since=2026-01-02T03%3A04%3A05.000006Z&status=5"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.RequestURI, body))
				if a := r.Header.Get("Authorization"); a != "Bearer sesame" {
					t.Errorf("Authorization = %q, want the token", a)
				}
				reply(w, http.StatusOK, map[string]any{})
			})
			if err := test.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("sent %s, want %s", got, test.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	long := strings.Repeat("x", maxReply)
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string // start of the error
	}{
		{"ours", func(w http.ResponseWriter, r *http.Request) {
			reply(w, 404, apitype.Error{Code: "not_found", Message: "app x: not found"})
		}, "app x: not found"},
		{"another server", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "who?", 404) }, "http://127.0.0.1"},
		{"a page", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }, "http://127.0.0.1"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		}, "http://127.0.0.1"},
		{"a reply without end", func(w http.ResponseWriter, r *http.Request) { reply(w, 200, long) }, "GET /api/v1/server: the reply is longer"},
		{"half a reply", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "{")
		}, "no server reachable at http://127.0.0.1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := serve(t, test.handler).Server(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("Server() = %v, want %q…", err, test.want)
			}
		})
	}
}

func TestAnErrorOfTheServerKeepsItsStatus(t *testing.T) {
	want := apitype.Error{Code: "held", Message: "app hello is held", Hint: "release it", Status: 409}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 409, want) })
	_, err := c.Deploy(t.Context(), "hello", apitype.CreateDeployment{})
	got, ok := errors.AsType[*apitype.Error](err)
	if !ok {
		t.Fatalf("Deploy = %v, want an *apitype.Error", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

func TestNoServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := New(server.URL, "").Server(t.Context())
	if !errors.Is(err, ErrUnreachable) || store.HintOf(err) == "" {
		t.Errorf("Server() = %v (hint %q), want ErrUnreachable with a hint", err, store.HintOf(err))
	}
}

func TestTheContextEndsARequest(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { cancel(why); <-r.Context().Done() })
	if _, err := c.Server(ctx); !errors.Is(err, why) || errors.Is(err, ErrUnreachable) {
		t.Errorf("Server() = %v, want %v", err, why)
	}
}

func TestDeploymentsPages(t *testing.T) {
	pages := map[string]apitype.DeploymentPage{
		"":  {Deployments: []apitype.Deployment{{ID: "c"}, {ID: "b"}}, Next: "b"},
		"b": {Deployments: []apitype.Deployment{{ID: "a"}}},
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) { reply(w, 200, pages[r.URL.Query().Get("cursor")]) })
	for limit, want := range map[int]int{0: 3, 2: 2, 3: 3} {
		got, err := c.Deployments(t.Context(), "hello", limit)
		if err != nil || len(got) != want {
			t.Errorf("Deployments(%d) = %d of them, %v, want %d", limit, len(got), err, want)
		}
	}
}
