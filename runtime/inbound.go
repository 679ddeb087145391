package runtime

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
)

// inboundExecutor runs the component of a trigger by the handler of Spin 1: the
// whole request in, the whole response out.
type inboundExecutor struct {
	*guest
	handler *component.Func
}

// maxInbound is the most of a request's body that is held in memory.
const maxInbound = 128 << 20

// inboundMethods are the cases of the enum method.
var inboundMethods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}

func (e *inboundExecutor) serve(ctx context.Context, w http.ResponseWriter, q *request) error {
	method := slices.Index(inboundMethods, q.Method)
	if method < 0 {
		w.Header()["Content-Type"] = nil
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	var body []byte
	if q.body != nil {
		var all bool
		var err error
		if body, all, err = collect(q.body, maxInbound+1); err != nil {
			return err
		} else if !all {
			return requestLimit(maxInbound, "more")
		}
	}
	uri := q.path
	if q.URL.RawQuery != "" || q.URL.ForceQuery {
		uri += "?" + q.URL.RawQuery
	}
	v, err := e.call(ctx, q, abi.Record(
		abi.Case(method), abi.String(uri), q.inboundHeaders(), abi.List(), abi.Some(abi.Bytes(body)),
	))
	if err != nil {
		return err
	}
	return e.reply(w, q, v)
}

// call runs a guest of its own for the request.
func (e *inboundExecutor) call(ctx context.Context, q *request, r abi.Value) (v abi.Value, err error) {
	err = e.use(ctx, e.invocation(q.stdout, q.stderr), func(ctx context.Context, in *component.Instance) error {
		var err error
		v, err = in.Call(ctx, e.handler, r)
		if err != nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	})
	return v, err
}

// inboundHeaders are those of the request; Host is one of them for these guests.
func (q *request) inboundHeaders() abi.Value {
	header := q.header()
	list := []abi.Value{abi.Tuple(abi.String("host"), abi.String(q.Request.Host))}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			list = append(list, abi.Tuple(abi.String(strings.ToLower(name)), abi.String(value)))
		}
	}
	return abi.List(list...)
}

// reply sends a response record. Of headers with one name the last counts.
func (e *inboundExecutor) reply(w http.ResponseWriter, q *request, v abi.Value) error {
	status := int(v.At(0).U16())
	if status < 200 || status > 600 {
		return fmt.Errorf("status %d is not that of a response", status)
	}
	h := w.Header()
	h["Content-Type"] = nil // net/http must not guess
	if headers, ok := v.At(1).Option(); ok {
		for _, entry := range headers.Values() {
			name, value := entry.At(0).Text(), entry.At(1).Text()
			switch {
			case !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value):
				return fmt.Errorf("response header %.100q: %.100q is not well formed", name, value)
			case wagi.HopByHop(name) || strings.EqualFold(name, "content-length"): // the server's own
			default:
				h.Set(name, value)
			}
		}
	}
	var body []byte
	if b, ok := v.At(2).Option(); ok {
		body = b.Bytes()
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		body = nil
	} else {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if len(body) == 0 || q.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write(body)
	return err
}
