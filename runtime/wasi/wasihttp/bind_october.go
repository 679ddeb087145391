package wasihttp

import (
	"fmt"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// trackOct is the candidate of October 2023. It has other constructors, changes
// of fields that cannot fail, options that are a record, and four kinds of
// errors. What has become an error since then ends the guest.
const trackOct = "0.2.0-rc-2023-10-18"

func (h *Host) linkOctober(l *component.Linker) {
	b := binding{l, []string{"wasi:http/types@" + trackOct}}
	b.fn("[constructor]fields", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		f := new(Fields)
		for _, e := range args[0].Values() {
			if err := f.Append(e.At(0).Text(), e.At(1).Bytes()); err != nil {
				return abi.Value{}, err
			}
		}
		return h.fields.Own(f), nil
	})
	h.changeFields(b, func(_ abi.Value, err error) (abi.Value, error) { return abi.Value{}, err })
	b.fn("[constructor]outgoing-request", h.requestOctober)
	b.fn("[method]outgoing-request.write", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.outBody(h.outRequests.Of(args[0]).OpenBody()), nil
	})
	b.fn("[constructor]outgoing-response", func(c *component.Call, args []abi.Value) (abi.Value, error) {
		r := NewResponse(h.fields.Of(args[1]).Clone())
		r.guestEnded = &h.states.Get(c).ended
		if !r.SetStatus(args[0].U16()) {
			return abi.Value{}, fmt.Errorf("status code %d is invalid", args[0].U16())
		}
		return h.outResponses.Own(r), nil
	})
	b.fn("[method]outgoing-response.write", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.outBody(h.outResponses.Of(args[0]).OpenBody()), nil
	})
	b.fn("[static]response-outparam.set", h.setOutparam(octoberErrorOf))
	b.fn("[static]outgoing-body.finish", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, h.finishBody(args)
	})
	b.fn("[method]future-trailers.get", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		t := h.trailers.Of(args[0])
		v, ok := t.future.Get()
		switch {
		case !ok:
			return abi.None(), nil
		case v.Err != nil:
			return abi.Some(abi.Err(octoberError(v.Err))), nil
		case v.Fields == nil:
			return abi.Some(abi.OK(h.fields.Own(new(Fields)))), nil
		}
		return abi.Some(abi.OK(h.fields.Own(v.Fields))), nil
	})
	b.fn("[method]future-incoming-response.get", h.futureGet(octoberError))
	l.Func("wasi:http/outgoing-handler@"+trackOct, "handle", h.sendOctober)
}

func (h *Host) requestOctober(_ *component.Call, args []abi.Value) (abi.Value, error) {
	r := NewRequest(h.fields.Of(args[4]).Clone())
	switch {
	case !r.SetMethod(methodOf(args[0])):
		return abi.Value{}, fmt.Errorf("method %.100q is invalid", methodOf(args[0]))
	case !r.SetPath(optionalText(args[1])):
		return abi.Value{}, fmt.Errorf("path is invalid")
	case !r.SetScheme(schemeOf(args[2])):
		return abi.Value{}, fmt.Errorf("scheme is invalid")
	case !r.SetAuthority(optionalText(args[3])):
		return abi.Value{}, fmt.Errorf("authority is invalid")
	}
	return h.outRequests.Own(r), nil
}

func (h *Host) sendOctober(c *component.Call, args []abi.Value) (abi.Value, error) {
	var opt Options
	if v, ok := args[1].Option(); ok {
		for i, field := range []**time.Duration{&opt.Connect, &opt.FirstByte, &opt.BetweenBytes} {
			*field = numberOf(v.At(i), func(v abi.Value) time.Duration { return time.Duration(v.U32()) * time.Millisecond })
		}
	}
	call, e := h.states.Get(c).Outbound.Send(c.Context(), h.outRequests.Of(args[0]), opt, h.wasi.Of(c).Run)
	if e != nil {
		return abi.Err(octoberError(e)), nil
	}
	return abi.OK(h.futures.Own(&pendingResponse{call: call})), nil
}

// octoberError makes one of the four errors: invalid-url, timeout-error,
// protocol-error and unexpected-error.
func octoberError(e *Error) abi.Value {
	i := 3
	switch e.Code {
	case RequestURIInvalid, RequestURITooLong:
		i = 0
	case DNSTimeout, ConnectionTimeout, ConnectionReadTimeout, ConnectionWriteTimeout, ResponseTimeout:
		i = 1
	case ProtocolError:
		i = 2
	}
	return abi.Variant(i, abi.String(e.Error()))
}

func octoberErrorOf(v abi.Value) *Error {
	codes := [...]Code{RequestURIInvalid, ResponseTimeout, ProtocolError, InternalError}
	return FailText(codes[v.Case()], v.Payload().Text())
}
