package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"unicode"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/neutrino-local/neutrino-local/store"
)

// The kinds of error that only this package has.
var (
	ErrUnreachable = errors.New("no registry reachable")
	ErrDenied      = errors.New("access denied")
)

const maxText = 500 // bytes of a registry's own words

// explain gives an error of the registry library a kind, and a next step.
func explain(ctx context.Context, ref name.Reference, err error) error {
	if why := context.Cause(ctx); why != nil {
		return fmt.Errorf("%s: %w", ref, why)
	}
	if e, ok := errors.AsType[*transport.Error](err); ok {
		return explainReply(ref, e)
	}
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) || errors.Is(err, store.ErrLimit) {
		return fmt.Errorf("%s: %w", ref, err) // of what was to be pushed
	}
	host := ref.Context().RegistryStr()
	var dns *net.DNSError
	var op *net.OpError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		err = fmt.Errorf("%w at %s: connection refused", ErrUnreachable, host)
		return store.Hint(err, "is it running? neutrino-local up starts ours")
	case errors.As(err, &dns):
		err = fmt.Errorf("%w at %s: %s", ErrUnreachable, host, dns.Err)
		return store.Hint(err, "check the name of the registry")
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		err = fmt.Errorf("%w at %s: it speaks plain http, not https", ErrUnreachable, host)
		return store.Hint(err, "use --insecure if that is meant")
	case errors.As(err, &op):
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, host, err)
	}
	return fmt.Errorf("%s: %w", ref, err)
}

// printable returns what a registry says on one line of bounded length.
func printable(text string) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, text)
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}

// explainReply words the refusal of a registry in the registry's own words.
func explainReply(ref name.Reference, e *transport.Error) error {
	text := e.Error()
	if len(e.Errors) > 0 {
		var all []string
		for _, d := range e.Errors {
			all = append(all, d.Message)
		}
		text = strings.Join(all, "; ")
	}
	text = printable(text)
	hint := ""
	var kind error
	switch {
	case e.StatusCode == http.StatusUnauthorized, e.StatusCode == http.StatusForbidden:
		kind, hint = ErrDenied, "log in to the registry, or give the token of the server"
	case e.StatusCode == http.StatusRequestEntityTooLarge, e.StatusCode == http.StatusInsufficientStorage, e.StatusCode == http.StatusTooManyRequests:
		kind = store.ErrLimit
	case e.StatusCode == http.StatusNotFound:
		kind = store.ErrNotFound
	case e.StatusCode >= http.StatusBadRequest && e.StatusCode < http.StatusInternalServerError:
		kind = store.ErrInvalid
	default:
		return fmt.Errorf("%s: the registry answers %d: %s", ref, e.StatusCode, text)
	}
	text = strings.TrimLeft(strings.TrimPrefix(text, kind.Error()), ": ") // not twice
	err := fmt.Errorf("%s: %w: %s", ref, kind, text)
	if hint != "" {
		return store.Hint(err, hint)
	}
	return err
}
