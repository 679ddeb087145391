package sockets

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/idna"

	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// A Lookup is a resolve-address-stream.
type Lookup struct {
	stream.Parent
	found  stream.Future[lookupResult]
	cancel context.CancelFunc
	next   int
	only   *Family // nil: both
}

type lookupResult struct {
	addrs []netip.Addr
	err   error
}

// NewLookup begins to look name up. An address is its own name.
func NewLookup(ctx context.Context, n *Network, name string) (*Lookup, error) {
	l := &Lookup{cancel: func() {}}
	if a, err := netip.ParseAddr(name); err == nil && a.Zone() == "" {
		l.found.Set(lookupResult{addrs: []netip.Addr{a}})
		return l, nil
	}
	host, err := idna.Lookup.ToASCII(name)
	switch {
	case err != nil, host == "", len(host) > 253:
		return nil, InvalidArgument
	case n.Lookup == nil || !n.Lookup(host):
		return nil, AccessDenied
	}
	ctx, l.cancel = context.WithCancel(ctx)
	n.Run(func() {
		defer l.cancel()
		addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		l.found.Set(lookupResult{addrs, err})
	})
	return l, nil
}

// Next returns the next address; the zero Addr is the end.
func (l *Lookup) Next() (netip.Addr, error) {
	r, ok := l.found.Get()
	switch {
	case !ok:
		return netip.Addr{}, WouldBlock
	case r.err != nil:
		return netip.Addr{}, lookupCode(r.err)
	}
	for l.next < len(r.addrs) {
		a := r.addrs[l.next].Unmap()
		l.next++
		if l.only == nil || a.Is4() == (*l.only == IPv4) {
			return a, nil
		}
	}
	return netip.Addr{}, nil
}

// Only leaves the addresses of one family.
func (l *Lookup) Only(f Family) { l.only = &f }

func lookupCode(err error) Code {
	var dns *net.DNSError
	switch {
	case !errors.As(err, &dns):
		return CodeOf(err)
	case dns.IsNotFound:
		return NameUnresolvable
	case dns.IsTemporary, dns.IsTimeout:
		return TemporaryResolverFailure
	}
	return PermanentResolverFailure
}

// Ready reports whether Next would not answer would-block.
func (l *Lookup) Ready() bool { return l.found.Ready() }

// Watch rings w when the answer comes.
func (l *Lookup) Watch(w *stream.Waker) func() { return l.found.Watch(w) }

// Close ends the lookup.
func (l *Lookup) Close() { l.cancel() }
