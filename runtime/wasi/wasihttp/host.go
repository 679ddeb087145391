package wasihttp

import (
	"context"
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// Versions of the package as guests name them.
const (
	track02  = "0.2.0"
	trackNov = "0.2.0-rc-2023-11-10"
)

// A Host gives components wasi:http, from both sides.
type Host struct {
	wasi   *wasi.Host
	states component.Slot[*State]

	fields       component.Resource[*Fields]
	inRequests   component.Resource[*IncomingRequest]
	inResponses  component.Resource[*IncomingResponse]
	inBodies     component.Resource[*IncomingBody]
	trailers     component.Resource[*pendingTrailers]
	outRequests  component.Resource[*Request]
	outResponses component.Resource[*Response]
	outBodies    component.Resource[*OutgoingBody]
	outparams    component.Resource[*Exchange]
	options      component.Resource[*Options]
	futures      component.Resource[*pendingResponse]
}

// A State is what one instance may do.
type State struct {
	Outbound *Outbound // nil denies every request

	ended bool // the handler has returned
}

// Link offers the interfaces to components that l links. w must have been
// linked there too.
func Link(l *component.Linker, w *wasi.Host) *Host {
	h := &Host{wasi: w, states: component.NewSlot[*State](l)}
	types := binding{l, []string{"wasi:http/types@" + track02, "wasi:http/types@" + trackNov}}
	all := binding{l, append(types.names[:2:2], "wasi:http/types@"+trackOct)}
	h.linkResources(all)
	h.readFields(all)
	h.linkFields(types)
	h.linkIncoming(all)
	h.linkOutgoing(types)
	h.linkBodies(all)
	types.fn("[static]outgoing-body.finish", h.finish)
	h.linkOptions(l)
	h.linkFutures(all)
	types.fn("[method]future-incoming-response.get", h.futureGet(codeValue))
	h.linkTrailers(all)
	h.linkOctober(l)
	types.fn("http-error-code", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if e, ok := errors.AsType[*Error](h.wasi.Errors.Of(args[0]).Err); ok {
			return abi.Some(codeValue(e)), nil
		}
		return abi.None(), nil
	})
	binding{l, []string{"wasi:http/outgoing-handler@" + track02, "wasi:http/outgoing-handler@" + trackNov}}.fn("handle", h.send)
	return h
}

// Set gives in its state. Call it in InstanceConfig.Init, beside wasi.Host.Set.
func (h *Host) Set(in *component.Instance, s *State) { h.states.Set(in, s) }

// Handlers finds the functions that answer requests.
func Handlers(c *component.Component) (found []*component.Func) {
	for _, version := range []string{track02, trackNov, trackOct} {
		if f, ok := c.Func("wasi:http/incoming-handler@"+version, "handle"); ok {
			found = append(found, f)
		}
	}
	return found
}

// ErrNoAnswer is for a guest that ends without an answer.
var ErrNoAnswer = errors.New("guest ended without setting a response")

// Handle calls the handler f of in for x, and returns when the guest has ended.
// The answer is in x before that, or else the error says why there is none.
func (h *Host) Handle(ctx context.Context, in *component.Instance, f *component.Func, x *Exchange) error {
	if _, err := in.Call(ctx, f, h.inRequests.Own(x.Request), h.outparams.Own(x)); err != nil {
		return err
	}
	h.states.In(in).ended = true
	if !x.Answer.Ready() {
		return ErrNoAnswer
	}
	return nil
}

// A binding offers functions under several names of one interface.
type binding struct {
	l     *component.Linker
	names []string
}

func (b binding) fn(name string, fn component.HostFunc) {
	for _, n := range b.names {
		b.l.Func(n, name, fn)
	}
}

func offer[T any](b binding, name string, drop func(T) error) component.Resource[T] {
	r := component.NewResource(b.l, b.names[0], name, func(_ context.Context, rep T) error {
		if drop == nil {
			return nil
		}
		return drop(rep)
	})
	for _, n := range b.names[1:] {
		r.Also(b.l, n, name)
	}
	return r
}

func (h *Host) linkResources(b binding) {
	h.fields = offer[*Fields](b, "fields", nil)
	h.inRequests = offer(b, "incoming-request", func(r *IncomingRequest) error {
		if !r.consumed {
			r.body.Close()
		}
		return nil
	})
	h.inResponses = offer(b, "incoming-response", func(r *IncomingResponse) error { r.Close(); return nil })
	h.inBodies = offer(b, "incoming-body", func(body *IncomingBody) error { body.Close(); return body.Childless() })
	h.trailers = offer(b, "future-trailers", func(t *pendingTrailers) error { t.body.Close(); return t.Childless() })
	h.outRequests = offer[*Request](b, "outgoing-request", nil)
	h.outResponses = offer[*Response](b, "outgoing-response", nil)
	h.outBodies = offer(b, "outgoing-body", func(body *OutgoingBody) error { body.Drop(); return body.Childless() })
	h.outparams = offer[*Exchange](b, "response-outparam", nil)
	h.options = offer[*Options](b, "request-options", nil)
	h.futures = offer(b, "future-incoming-response", func(p *pendingResponse) error { p.close(); return p.Childless() })
}

// unit is a result without payloads.
func unit(ok bool) abi.Value {
	if ok {
		return abi.OK(abi.Value{})
	}
	return abi.Err(abi.Value{})
}

// optional makes an option<string>.
func optional(s *string) abi.Value {
	if s == nil {
		return abi.None()
	}
	return abi.Some(abi.String(*s))
}

func optionalText(v abi.Value) *string {
	p, ok := v.Option()
	if !ok {
		return nil
	}
	s := p.Text()
	return &s
}

// send is outgoing-handler.handle.
func (h *Host) send(c *component.Call, args []abi.Value) (abi.Value, error) {
	r := h.outRequests.Of(args[0])
	var opt Options
	if v, ok := args[1].Option(); ok {
		opt = *h.options.Of(v)
	}
	call, e := h.states.Get(c).Outbound.Send(c.Context(), r, opt, h.wasi.Of(c).Run)
	if e != nil {
		return abi.Err(codeValue(e)), nil
	}
	return abi.OK(h.futures.Own(&pendingResponse{call: call})), nil
}

// A pendingResponse is a future-incoming-response.
type pendingResponse struct {
	stream.Parent
	call  *Call
	taken bool
}

func (p *pendingResponse) close() {
	p.call.Close()
	if res, ok := p.call.Get(); ok && !p.taken && res.Response != nil {
		res.Response.Close()
	}
}

func (h *Host) linkFutures(b binding) {
	b.fn("[method]future-incoming-response.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		p := h.futures.Of(args[0])
		return h.wasi.Poll(p.call, &p.Parent), nil
	})
}

// futureGet is future-incoming-response.get for a kind of errors.
func (h *Host) futureGet(failure func(*Error) abi.Value) component.HostFunc {
	return func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		p := h.futures.Of(args[0])
		res, ok := p.call.Get()
		switch {
		case !ok:
			return abi.None(), nil
		case p.taken:
			return abi.Some(unit(false)), nil
		}
		p.taken = true
		if res.Err != nil {
			return abi.Some(abi.OK(abi.Err(failure(res.Err)))), nil
		}
		return abi.Some(abi.OK(abi.OK(h.inResponses.Own(res.Response)))), nil
	}
}

// A pendingTrailers is a future-trailers.
type pendingTrailers struct {
	stream.Parent
	body   *IncomingBody
	future *stream.Future[Trailers]
	taken  bool
}

func (h *Host) linkTrailers(all binding) {
	all.fn("[method]future-trailers.subscribe", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		t := h.trailers.Of(args[0])
		return h.wasi.Poll(t.future, &t.Parent), nil
	})
	get := func(wrap func(abi.Value) abi.Value, again func() (abi.Value, error)) component.HostFunc {
		return func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			t := h.trailers.Of(args[0])
			v, ok := t.future.Get()
			switch {
			case !ok:
				return abi.None(), nil
			case t.taken:
				return again()
			}
			t.taken = true
			return abi.Some(wrap(h.trailersValue(v))), nil
		}
	}
	all.l.Func(all.names[0], "[method]future-trailers.get", get(abi.OK, func() (abi.Value, error) { return abi.Some(unit(false)), nil }))
	all.l.Func(all.names[1], "[method]future-trailers.get", get(
		func(v abi.Value) abi.Value { return v },
		func() (abi.Value, error) { return abi.Value{}, fmt.Errorf("trailers are taken twice") }))
}

// trailersValue is a result<option<trailers>, error-code>.
func (h *Host) trailersValue(t Trailers) abi.Value {
	switch {
	case t.Err != nil:
		return abi.Err(codeValue(t.Err))
	case t.Fields == nil:
		return abi.OK(abi.None())
	}
	return abi.OK(abi.Some(h.fields.Own(t.Fields)))
}
