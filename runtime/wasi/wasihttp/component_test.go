package wasihttp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// A fixture is a component that answers requests, a fresh instance for each.
type fixture struct {
	component *component.Component
	handler   *component.Func
	wasi      *wasi.Host
	http      *Host
	state     State
	fault     chan error // how each guest ended
}

func load(t *testing.T, wasm []byte) *fixture {
	t.Helper()
	engine, err := component.NewEngine(t.Context(), component.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	l := component.NewLinker()
	f := &fixture{wasi: wasi.Link(l), fault: make(chan error, 1000)}
	f.http = Link(l, f.wasi)
	if f.component, err = engine.Compile(t.Context(), wasm, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(f.component.Close(ctx), engine.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	handlers := Handlers(f.component)
	if len(handlers) != 1 {
		t.Fatalf("component exports %d handlers", len(handlers))
	}
	f.handler = handlers[0]
	return f
}

// answer is the guest of serve.
func (f *fixture) answer(ctx context.Context, x *Exchange) {
	f.fault <- f.run(ctx, x)
}

func (f *fixture) run(ctx context.Context, x *Exchange) (err error) {
	var out bytes.Buffer
	in, err := f.component.Instantiate(ctx, component.InstanceConfig{Init: func(in *component.Instance) error {
		f.wasi.Set(in, &wasi.State{Stdout: &out, Stderr: &out})
		state := f.state
		f.http.Set(in, &state)
		return nil
	}})
	if err != nil {
		return err
	}
	err = f.http.Handle(ctx, in, f.handler, x)
	if e := in.Close(ctx); err == nil && !errors.Is(e, stream.ErrChildren) { // it may leave what it has in any order
		err = e
	}
	if err != nil && out.Len() > 0 {
		err = errors.Join(err, errors.New(out.String()))
	}
	return err
}

func TestComponentAnswers(t *testing.T) {
	f := load(t, components.CHTTP)
	url := serve(t, f.answer)
	tests := []struct {
		path   string
		status int
		body   string
		broken bool   // the client sees that the reply has no end
		fault  string // how the guest ends
	}{
		{"/", 200, "Hello from C1", false, ""},
		{"/", 200, "Hello from C1", false, ""},
		{"/b10", 200, strings.Repeat("\x00", 40960), false, ""},
		{"/c", 200, "", true, ""},
		{"/d", 200, "half", true, ""},
		{"/g", 200, "", false, "unknown handle"},
		{"/h", 500, "", false, "fields have more than 131072 bytes"},
		{"/i", 500, "", false, "wrong type"},
		{"/n", 500, "", false, "without setting a response"},
		{"/o", 500, "", false, ""},
		{"/r", 200, "Hello from C1", false, ""},
		{"/s404", 404, "", false, ""},
		{"/s204", 204, "", false, ""},
		{"/s101", 500, "", false, ""},
		{"/t", 500, "", false, "unreachable"},
		{"/u", 200, "head", true, "unreachable"},
		{"/x", 500, "", false, "handle"},
		{"/y", 500, "", false, "before those that came from it"},
	}
	for _, tt := range tests {
		res, body, err := get(t, "GET", url+tt.path, nil)
		fault := <-f.fault
		if (fault != nil) != (tt.fault != "") || fault != nil && !strings.Contains(fault.Error(), tt.fault) {
			t.Errorf("%s: the guest ends with %v, want %q", tt.path, fault, tt.fault)
		}
		switch {
		case tt.broken:
			if err == nil {
				t.Errorf("%s: the reply %q looks whole", tt.path, body)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.path, err)
		case res.StatusCode != tt.status || body != tt.body:
			t.Errorf("%s: %d %.40q, want %d %.40q", tt.path, res.StatusCode, body, tt.status, tt.body)
		}
	}
}

func TestComponentEchoesBothWaysAtOnce(t *testing.T) {
	f := load(t, components.CHTTP)
	url := serve(t, f.answer)
	want := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
	_, got, err := get(t, "POST", url+"/e", bytes.NewReader(want))
	if fault := <-f.fault; err != nil || fault != nil || got != string(want) {
		t.Errorf("echo of %d bytes = %d bytes, %v; guest: %v", len(want), len(got), err, fault)
	}
}

func TestComponentFetches(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }))
	t.Cleanup(origin.Close)
	host := strings.TrimPrefix(origin.URL, "http://")
	f := load(t, components.CHTTP)
	url := serve(t, f.answer)
	check := func(to, want string) {
		t.Helper()
		_, got, err := get(t, "GET", url+"/f"+to, nil)
		if fault := <-f.fault; err != nil || fault != nil || got != want {
			t.Errorf("fetch of %s = %q, %v; guest: %v; want %q", to, got, err, fault, want)
		}
	}
	check(host, "error  015") // HTTP-request-denied
	f.state.Outbound = &Outbound{Allow: allowAll, Transport: NewTransport(new(net.Dialer).DialContext)}
	check(host, "status 418")
	check("127.0.0.1:1", "error  006") // connection-refused
}

func TestGuestIsEndedWithItsContext(t *testing.T) {
	f := load(t, components.CHTTP)
	url := serve(t, f.answer)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", url+"/w", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	cancel()
	if fault := <-f.fault; fault == nil {
		t.Error("a guest that writes for ever ends well")
	}
}

func TestCandidatesOf2023(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }))
	t.Cleanup(origin.Close)
	host := strings.TrimPrefix(origin.URL, "http://")
	granted := &Outbound{Allow: allowAll, Transport: NewTransport(new(net.Dialer).DialContext)}

	f := load(t, components.CNovember)
	f.state.Outbound = granted
	f.probe(t, serve(t, f.answer), []probe{
		{"GET", "/", "", 200, "Hello from C1", -1},
		{"GET", "/r", "", 200, "Hello from C1", -1},
		{"POST", "/e", "echo", 200, "echo", -1},
		{"GET", "/f" + host, "", 200, "status 418", -1},
	})

	f = load(t, components.COctober)
	url := serve(t, f.answer)
	f.probe(t, url, []probe{{"GET", "/f" + host, "", 201, "error 3HTTP-request-denied", -1}})
	f.state.Outbound = granted
	f.probe(t, url, []probe{
		{"GET", "/", "", 201, "Hello from October", -1},
		{"POST", "/e", "echo", 201, "echo", -1},
		{"POST", "/e", strings.Repeat("echo", 100_000), 201, strings.Repeat("echo", 100_000), -1},
		{"GET", "/f" + host, "", 201, "status 418", -1},
		{"GET", "/f127.0.0.1:1", "", 201, "error 3connection-refused", -1},
	})
	res, _, err := get(t, "GET", url+"/x", nil)
	if fault := <-f.fault; err != nil || res.StatusCode != 500 || fault == nil || !errors.Is(fault, ErrFieldSyntax) {
		t.Errorf("a split header = %v, %v; guest: %v", res, err, fault)
	}
}
