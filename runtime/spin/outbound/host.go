package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// A Host gives components fermyon:spin/http and fermyon:spin/llm.
type Host struct{ states component.Slot[*State] }

// A State is what one instance may do.
type State struct {
	// Allow returns an error for a request that must not be sent.
	Allow     func(ctx context.Context, u *url.URL) error
	Transport http.RoundTripper
	MaxBody   int64    // of a response, in bytes; 0: maxBuffered
	Models    []string // that the manifest names
}

// maxBuffered is the most that is held for a guest.
const maxBuffered = 128 << 20

// Link offers the interfaces to components that l links.
func Link(l *component.Linker) *Host {
	h := &Host{component.NewSlot[*State](l)}
	l.Func("fermyon:spin/http", "send-request", h.send)
	for _, llm := range []string{"fermyon:spin/llm", "fermyon:spin/llm@2.0.0"} {
		l.Func(llm, "infer", h.noModel)
		l.Func(llm, "generate-embeddings", h.noModel)
	}
	l.MustDeclare(interfaces)
	return h
}

// Set gives in its state. Without, it has nothing.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

func (h *Host) of(c *component.Call) *State {
	if s := h.states.Get(c); s != nil {
		return s
	}
	return new(State)
}

// A failure is a case of http-error, in its order.
type failure int

const (
	_ failure = iota // success
	notAllowed
	invalidURL
	requestError
	runtimeError
	_ // too-many-requests
)

func (f failure) Error() string { return fmt.Sprintf("http-error %d", int(f)) }

// methods are the cases of the enum, in its order.
var methods = [...]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}

// timeout is for a request as a whole, which guests cannot choose.
const timeout = 10 * time.Minute

// maxRedirects is how many redirects are followed.
const maxRedirects = 10

// send follows redirects, each only to where the component may go, and reads all
// of the response.
func (h *Host) send(c *component.Call, args []abi.Value) (abi.Value, error) {
	s := h.of(c)
	req, err := s.request(c.Context(), args[0])
	if err != nil {
		return abi.Err(abi.Case(int(failed(err)))), nil
	}
	client := http.Client{Transport: s.Transport, Timeout: timeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return runtimeError
		}
		return s.allow(r.Context(), r.URL)
	}}
	res, err := client.Do(req)
	if err != nil {
		return abi.Err(abi.Case(int(failed(err)))), nil
	}
	defer res.Body.Close()
	most := s.MaxBody
	if most <= 0 {
		most = maxBuffered
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil || int64(len(body)) > most {
		return abi.Err(abi.Case(int(runtimeError))), nil
	}
	return abi.OK(abi.Record(abi.U16(uint16(res.StatusCode)), abi.Some(headers(res.Header)), abi.Some(abi.Bytes(body)))), nil
}

func failed(err error) failure {
	if f, ok := errors.AsType[failure](err); ok {
		return f
	}
	return runtimeError
}

func (s *State) allow(ctx context.Context, u *url.URL) error {
	if s.Allow == nil || s.Allow(ctx, u) != nil {
		return notAllowed
	}
	return nil
}

// request reads a record request. Its params have never had a meaning.
func (s *State) request(ctx context.Context, v abi.Value) (*http.Request, error) {
	text := v.At(1).Text()
	u, err := url.Parse(text)
	if err != nil || u.Host == "" && !strings.HasPrefix(text, "/") || u.Host != "" && u.Scheme != "http" && u.Scheme != "https" {
		return nil, invalidURL
	}
	if u.Host == "" {
		u.Scheme, u.Host = "http", SelfHost
	}
	if err := s.allow(ctx, u); err != nil {
		return nil, err
	}
	var body io.Reader
	if b, ok := v.At(4).Option(); ok {
		body = bytes.NewReader(slices.Clone(b.Bytes()))
	}
	req, err := http.NewRequestWithContext(ctx, methods[v.At(0).Case()], u.String(), body)
	if err != nil {
		return nil, requestError
	}
	for _, pair := range v.At(2).Values() {
		name, value := pair.At(0).Text(), pair.At(1).Text()
		switch {
		case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
			return nil, requestError
		case strings.EqualFold(name, "host") || strings.EqualFold(name, "content-length") || strings.EqualFold(name, "transfer-encoding"):
			continue // follow from the request
		}
		req.Header.Add(name, value)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = nil // none, and not Go's
	}
	return req, nil
}

// headers is a list<tuple<string, string>>, sorted. Values that are no text are
// left out.
func headers(h http.Header) abi.Value {
	var list []abi.Value
	for name, values := range h {
		for _, value := range values {
			list = append(list, abi.Tuple(abi.String(strings.ToLower(name)), abi.String(strings.ToValidUTF8(value, "\uFFFD"))))
		}
	}
	slices.SortStableFunc(list, func(a, b abi.Value) int { return strings.Compare(a.At(0).Text(), b.At(0).Text()) })
	return abi.List(list...)
}

// Cases of the error of fermyon:spin/llm.
const (
	_ = iota // model-not-supported
	llmRuntime
	llmInvalid
)

// noModel answers infer and generate-embeddings: there are no models here.
func (h *Host) noModel(c *component.Call, args []abi.Value) (abi.Value, error) {
	model := args[0].Text()
	if !slices.Contains(h.of(c).Models, model) {
		const text = "The component does not have access to use '%s'. To give the component access, add '%s' to the 'ai_models' key in your component manifest"
		return abi.Err(abi.Variant(llmInvalid, abi.String(fmt.Sprintf(text, model, model)))), nil
	}
	return abi.Err(abi.Variant(llmRuntime, abi.String(fmt.Sprintf("model '%s' is not available here: this server runs no models", model)))), nil
}
