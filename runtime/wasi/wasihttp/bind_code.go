package wasihttp

import (
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// codeValue makes an error-code.
func codeValue(e *Error) abi.Value {
	switch e.Code {
	case DNSError:
		return withPayload(e, abi.Record(optional(e.Text), optionalNumber(e.ID, abi.U16)))
	case TLSAlertReceived:
		return withPayload(e, abi.Record(optionalNumber(e.ID, func(n uint16) abi.Value { return abi.U8(uint8(n)) }), optional(e.Text)))
	case RequestBodySize, ResponseBodySize:
		return withPayload(e, optionalNumber(e.Size, abi.U64))
	case RequestHeaderSectionSize, RequestTrailerSectionSize, ResponseHeaderSectionSize, ResponseTrailerSectionSize:
		return withPayload(e, size32(e))
	case RequestHeaderSize:
		if e.Text == nil && e.Size == nil {
			return withPayload(e, abi.None())
		}
		return withPayload(e, abi.Some(abi.Record(optional(e.Text), size32(e))))
	case RequestTrailerSize, ResponseHeaderSize, ResponseTrailerSize:
		return withPayload(e, abi.Record(optional(e.Text), size32(e)))
	case ResponseTransferCoding, ResponseContentCoding, InternalError:
		return withPayload(e, optional(e.Text))
	}
	return abi.Case(int(e.Code))
}

func withPayload(e *Error, v abi.Value) abi.Value { return abi.Variant(int(e.Code), v) }

func optionalNumber[T any](n *T, value func(T) abi.Value) abi.Value {
	if n == nil {
		return abi.None()
	}
	return abi.Some(value(*n))
}

func size32(e *Error) abi.Value {
	return optionalNumber(e.Size, func(n uint64) abi.Value { return abi.U32(uint32(min(n, 1<<32-1))) })
}

// codeOf reads an error-code.
func codeOf(v abi.Value) *Error {
	e := &Error{Code: Code(v.Case())}
	p := v.Payload()
	switch e.Code {
	case DNSError:
		e.Text, e.ID = optionalText(p.At(0)), numberOf(p.At(1), abi.Value.U16)
	case TLSAlertReceived:
		e.ID, e.Text = numberOf(p.At(0), abi.Value.U16), optionalText(p.At(1))
	case RequestBodySize, ResponseBodySize, RequestHeaderSectionSize, RequestTrailerSectionSize, ResponseHeaderSectionSize, ResponseTrailerSectionSize:
		e.Size = numberOf(p, abi.Value.U64)
	case RequestHeaderSize:
		if f, ok := p.Option(); ok {
			e.Text, e.Size = optionalText(f.At(0)), numberOf(f.At(1), abi.Value.U64)
		}
	case RequestTrailerSize, ResponseHeaderSize, ResponseTrailerSize:
		e.Text, e.Size = optionalText(p.At(0)), numberOf(p.At(1), abi.Value.U64)
	case ResponseTransferCoding, ResponseContentCoding, InternalError:
		e.Text = optionalText(p)
	}
	return e
}

func numberOf[T any](v abi.Value, get func(abi.Value) T) *T {
	p, ok := v.Option()
	if !ok {
		return nil
	}
	n := get(p)
	return &n
}

// methods are the cases of method before other.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

func methodValue(m string) abi.Value {
	for i, name := range methods {
		if m == name {
			return abi.Case(i)
		}
	}
	return abi.Variant(len(methods), abi.String(m))
}

func methodOf(v abi.Value) string {
	if i := v.Case(); i < len(methods) {
		return methods[i]
	}
	return v.Payload().Text()
}

// schemes are the cases of scheme before other.
var schemes = [...]string{"http", "https"}

func schemeValue(s string) abi.Value {
	for i, name := range schemes {
		if s == name {
			return abi.Case(i)
		}
	}
	return abi.Variant(len(schemes), abi.String(s))
}

func schemeOf(v abi.Value) *string {
	p, ok := v.Option()
	if !ok {
		return nil
	}
	var s string
	if i := p.Case(); i < len(schemes) {
		s = schemes[i]
	} else {
		s = p.Payload().Text()
	}
	return &s
}
