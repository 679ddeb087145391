package wasihttp

import "fmt"

// A Code is a case of the variant error-code, in its order.
type Code uint8

// The cases of error-code.
const (
	DNSTimeout Code = iota
	DNSError
	DestinationNotFound
	DestinationUnavailable
	DestinationIPProhibited
	DestinationIPUnroutable
	ConnectionRefused
	ConnectionTerminated
	ConnectionTimeout
	ConnectionReadTimeout
	ConnectionWriteTimeout
	ConnectionLimitReached
	TLSProtocolError
	TLSCertificateError
	TLSAlertReceived
	RequestDenied
	RequestLengthRequired
	RequestBodySize
	RequestMethodInvalid
	RequestURIInvalid
	RequestURITooLong
	RequestHeaderSectionSize
	RequestHeaderSize
	RequestTrailerSectionSize
	RequestTrailerSize
	ResponseIncomplete
	ResponseHeaderSectionSize
	ResponseHeaderSize
	ResponseBodySize
	ResponseTrailerSectionSize
	ResponseTrailerSize
	ResponseTransferCoding
	ResponseContentCoding
	ResponseTimeout
	UpgradeFailed
	ProtocolError
	LoopDetected
	ConfigurationError
	InternalError
)

// codeNames are the names of the cases in WIT.
var codeNames = [...]string{
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
	"destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
	"connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
	"TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied", "HTTP-request-length-required",
	"HTTP-request-body-size", "HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
	"HTTP-request-header-section-size", "HTTP-request-header-size", "HTTP-request-trailer-section-size",
	"HTTP-request-trailer-size", "HTTP-response-incomplete", "HTTP-response-header-section-size",
	"HTTP-response-header-size", "HTTP-response-body-size", "HTTP-response-trailer-section-size",
	"HTTP-response-trailer-size", "HTTP-response-transfer-coding", "HTTP-response-content-coding",
	"HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected", "configuration-error",
	"internal-error",
}

// String returns the name of c in WIT.
func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("error-code(%d)", uint8(c))
}

// An Error is a value of the variant error-code. Of the payload only what
// belongs to the code counts; nil is none.
type Error struct {
	Code Code
	Text *string // DNS-error rcode, TLS alert message, coding, internal error, field name
	ID   *uint16 // DNS-error info code, TLS alert id
	Size *uint64 // of a body, a field or a section
}

// Fail returns the error of a code that needs no payload.
func Fail(c Code) *Error { return &Error{Code: c} }

// FailText returns the error of a code with a text.
func FailText(c Code, text string) *Error { return &Error{Code: c, Text: &text} }

// FailSize returns the error of a code with a size.
func FailSize(c Code, size uint64) *Error { return &Error{Code: c, Size: &size} }

func (e *Error) Error() string {
	switch {
	case e.Text != nil:
		return fmt.Sprintf("%v: %s", e.Code, *e.Text)
	case e.Size != nil:
		return fmt.Sprintf("%v: %d", e.Code, *e.Size)
	}
	return e.Code.String()
}

// Is lets errors.Is find an error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}
