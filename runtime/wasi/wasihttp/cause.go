package wasihttp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// ErrorOf gives an error of Go's HTTP client its error code. An *Error in the
// chain wins, so a dialer may say which code it means.
func ErrorOf(err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	for _, look := range []func(error) *Error{dnsError, tlsError, netError} {
		if e := look(err); e != nil {
			return e
		}
	}
	return httpError(err)
}

func dnsError(err error) *Error {
	var dns *net.DNSError
	if !errors.As(err, &dns) {
		return nil
	}
	info := uint16(0)
	e := FailText(DNSError, "address not available")
	e.ID = &info
	return e
}

// tlsError gives all faults of TLS the one code that Spin has for them.
func tlsError(err error) *Error {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
		verify *tls.CertificateVerificationError
		host   x509.HostnameError
		author x509.UnknownAuthorityError
		cert   x509.CertificateInvalidError
	)
	if errors.As(err, &verify) || errors.As(err, &host) || errors.As(err, &author) || errors.As(err, &cert) ||
		errors.As(err, &alert) || errors.As(err, &record) || strings.Contains(err.Error(), "tls: ") {
		return Fail(TLSProtocolError)
	}
	return nil
}

// errnos maps what a connection can meet. Order matters only to the reader.
var errnos = []struct {
	err  error
	code Code
}{
	{syscall.ECONNREFUSED, ConnectionRefused},
	{syscall.ECONNRESET, ConnectionTerminated},
	{syscall.ECONNABORTED, ConnectionTerminated},
	{syscall.EPIPE, ConnectionTerminated},
	{syscall.ENETUNREACH, DestinationIPUnroutable},
	{syscall.EHOSTUNREACH, DestinationIPUnroutable},
	{syscall.EADDRNOTAVAIL, DestinationIPUnroutable},
	{syscall.EACCES, DestinationIPProhibited},
	{syscall.EPERM, DestinationIPProhibited},
	{syscall.EMFILE, ConnectionLimitReached},
	{syscall.ENFILE, ConnectionLimitReached},
	{syscall.ETIMEDOUT, ConnectionTimeout},
	{net.ErrClosed, ConnectionTerminated},
}

func netError(err error) *Error {
	for _, e := range errnos {
		if errors.Is(err, e.err) {
			return Fail(e.code)
		}
	}
	var op *net.OpError
	timeout := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	switch {
	case errors.As(err, &op) && op.Timeout() && op.Op == "dial":
		return Fail(ConnectionTimeout)
	case errors.As(err, &op) && op.Timeout() && op.Op == "write":
		return Fail(ConnectionWriteTimeout)
	case timeout, errors.As(err, &op) && op.Timeout():
		return Fail(ConnectionReadTimeout)
	case errors.As(err, &op) && op.Op == "dial":
		return Fail(DestinationUnavailable)
	}
	return nil
}

// httpError knows the errors that net/http has only as text.
func httpError(err error) *Error {
	text := err.Error()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Fail(ResponseIncomplete)
	case errors.Is(err, io.EOF), strings.Contains(text, "server closed idle connection"):
		return Fail(ConnectionTerminated)
	case strings.Contains(text, "response headers exceeded"):
		return Fail(ResponseHeaderSectionSize)
	case strings.Contains(text, "unsupported transfer encoding"):
		return Fail(ResponseTransferCoding)
	case strings.Contains(text, "invalid URL"), strings.Contains(text, "unsupported protocol scheme"):
		return Fail(RequestURIInvalid)
	case strings.Contains(text, "malformed"), strings.Contains(text, "http2: "), strings.Contains(text, "bad Content-Length"),
		strings.Contains(text, "transport connection broken"), strings.Contains(text, "chunk"):
		return Fail(ProtocolError)
	}
	return FailText(InternalError, text)
}
