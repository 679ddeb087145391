package wasihttp

import (
	"errors"
	"math"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

func (h *Host) linkIncoming(b binding) {
	request := func(name string, fn func(r *IncomingRequest) abi.Value) {
		b.fn("[method]incoming-request."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			return fn(h.inRequests.Of(args[0])), nil
		})
	}
	request("method", func(r *IncomingRequest) abi.Value { return methodValue(r.Method) })
	request("path-with-query", func(r *IncomingRequest) abi.Value { return abi.Some(abi.String(r.Path)) })
	request("scheme", func(r *IncomingRequest) abi.Value { return abi.Some(schemeValue(r.Scheme)) })
	request("authority", func(r *IncomingRequest) abi.Value { return abi.Some(abi.String(r.Authority)) })
	b.fn("[method]incoming-request.headers", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		headers, err := h.inRequests.Of(args[0]).Headers()
		return h.fields.Own(headers), err
	})
	request("consume", func(r *IncomingRequest) abi.Value { return h.bodyResult(r.OpenBody()) })

	response := func(name string, fn func(r *IncomingResponse) abi.Value) {
		b.fn("[method]incoming-response."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			return fn(h.inResponses.Of(args[0])), nil
		})
	}
	response("status", func(r *IncomingResponse) abi.Value { return abi.U16(r.Status) })
	response("headers", func(r *IncomingResponse) abi.Value { return h.fields.Own(r.Headers) })
	response("consume", func(r *IncomingResponse) abi.Value { return h.bodyResult(r.OpenBody()) })
}

func (h *Host) bodyResult(body *IncomingBody, ok bool) abi.Value {
	if !ok {
		return unit(false)
	}
	return abi.OK(h.inBodies.Own(body))
}

func (h *Host) linkOutgoing(b binding) {
	b.fn("[constructor]outgoing-request", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.outRequests.Own(NewRequest(h.fields.Of(args[0]))), nil
	})
	request := func(name string, fn func(r *Request, args []abi.Value) abi.Value) {
		b.fn("[method]outgoing-request."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			return fn(h.outRequests.Of(args[0]), args[1:]), nil
		})
	}
	request("method", func(r *Request, _ []abi.Value) abi.Value { return methodValue(r.Method) })
	request("set-method", func(r *Request, args []abi.Value) abi.Value { return unit(r.SetMethod(methodOf(args[0]))) })
	request("path-with-query", func(r *Request, _ []abi.Value) abi.Value { return optional(r.Path) })
	request("set-path-with-query", func(r *Request, args []abi.Value) abi.Value { return unit(r.SetPath(optionalText(args[0]))) })
	request("scheme", func(r *Request, _ []abi.Value) abi.Value {
		if r.Scheme == nil {
			return abi.None()
		}
		return abi.Some(schemeValue(*r.Scheme))
	})
	request("set-scheme", func(r *Request, args []abi.Value) abi.Value { return unit(r.SetScheme(schemeOf(args[0]))) })
	request("authority", func(r *Request, _ []abi.Value) abi.Value { return optional(r.Authority) })
	request("set-authority", func(r *Request, args []abi.Value) abi.Value { return unit(r.SetAuthority(optionalText(args[0]))) })
	request("headers", func(r *Request, _ []abi.Value) abi.Value { return h.fields.Own(r.Headers) })
	request("body", func(r *Request, _ []abi.Value) abi.Value { return h.outBody(r.OpenBody()) })
	h.linkResponse(b)
}

func (h *Host) outBody(body *OutgoingBody, ok bool) abi.Value {
	if !ok {
		return unit(false)
	}
	return abi.OK(h.outBodies.Own(body))
}

var errInformational = errors.New("informational responses are not supported")

func (h *Host) linkResponse(b binding) {
	b.fn("[constructor]outgoing-response", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		r := NewResponse(h.fields.Of(args[0]))
		r.guestEnded = &h.states.Get(c).ended
		return h.outResponses.Own(r), nil
	})
	response := func(name string, fn func(r *Response, args []abi.Value) abi.Value) {
		b.fn("[method]outgoing-response."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			return fn(h.outResponses.Of(args[0]), args[1:]), nil
		})
	}
	response("status-code", func(r *Response, _ []abi.Value) abi.Value { return abi.U16(r.Status) })
	response("set-status-code", func(r *Response, args []abi.Value) abi.Value { return unit(r.SetStatus(args[0].U16())) })
	response("headers", func(r *Response, _ []abi.Value) abi.Value { return h.fields.Own(r.Headers) })
	response("body", func(r *Response, _ []abi.Value) abi.Value { return h.outBody(r.OpenBody()) })
	b.fn("[static]response-outparam.set", h.setOutparam(codeOf))
	b.fn("[method]response-outparam.send-informational", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.Value{}, errInformational
	})
}

// setOutparam is response-outparam.set for a kind of errors.
func (h *Host) setOutparam(failure func(abi.Value) *Error) component.HostFunc {
	return func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		x := h.outparams.Of(args[0])
		p, ok := args[1].Result()
		if !ok {
			x.Answer.Set(Answer{Err: failure(p)})
			return abi.Value{}, nil
		}
		x.Answer.Set(Answer{Response: h.outResponses.Of(p)})
		return abi.Value{}, nil
	}
}

func (h *Host) linkBodies(b binding) {
	b.fn("[method]incoming-body.stream", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		body := h.inBodies.Of(args[0])
		src, ok := body.Open()
		if !ok {
			return unit(false), nil
		}
		s := stream.NewInput(src)
		s.Dropped = body.Child()
		return abi.OK(h.wasi.Inputs.Own(s)), nil
	})
	b.fn("[static]incoming-body.finish", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		body := h.inBodies.Of(args[0])
		if err := body.Childless(); err != nil {
			body.Close()
			return abi.Value{}, err
		}
		return h.trailers.Own(&pendingTrailers{body: body, future: body.Finish()}), nil
	})
	b.fn("[method]outgoing-body.write", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		body := h.outBodies.Of(args[0])
		dst, ok := body.Open()
		if !ok {
			return unit(false), nil
		}
		s := stream.NewOutput(dst)
		s.Dropped = body.Child()
		return abi.OK(h.wasi.Outputs.Own(s)), nil
	})
}

func (h *Host) finish(_ *component.Call, args []abi.Value) (abi.Value, error) {
	err := h.finishBody(args)
	if e, ok := errors.AsType[*Error](err); ok {
		return abi.Err(codeValue(e)), nil
	}
	return abi.OK(abi.Value{}), err
}

// finishBody is outgoing-body.finish. An *Error is for the guest.
func (h *Host) finishBody(args []abi.Value) error {
	body := h.outBodies.Of(args[0])
	var trailers *Fields
	if v, ok := args[1].Option(); ok {
		trailers = h.fields.Of(v)
	}
	if err := body.Childless(); err != nil {
		body.Abort()
		return err
	}
	return body.Finish(trailers)
}

// linkOptions offers request-options. The candidate of November 2023 has its
// functions under longer names.
func (h *Host) linkOptions(l *component.Linker) {
	for version, suffix := range map[string]string{track02: "", trackNov: "-ms"} {
		b := binding{l, []string{"wasi:http/types@" + version}}
		b.fn("[constructor]request-options", func(*component.Call, []abi.Value) (abi.Value, error) {
			return h.options.Own(new(Options)), nil
		})
		for name, field := range map[string]func(*Options) **time.Duration{
			"connect-timeout":       func(o *Options) **time.Duration { return &o.Connect },
			"first-byte-timeout":    func(o *Options) **time.Duration { return &o.FirstByte },
			"between-bytes-timeout": func(o *Options) **time.Duration { return &o.BetweenBytes },
		} {
			b.fn("[method]request-options."+name+suffix, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
				return optionalNumber(*field(h.options.Of(args[0])), func(d time.Duration) abi.Value { return abi.U64(uint64(d)) }), nil
			})
			b.fn("[method]request-options.set-"+name+suffix, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
				*field(h.options.Of(args[0])) = numberOf(args[1], duration)
				return unit(true), nil
			})
		}
	}
}

func duration(v abi.Value) time.Duration { return time.Duration(min(v.U64(), math.MaxInt64)) }
