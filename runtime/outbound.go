package runtime

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/spin/outbound"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// A network is how guests reach what is outside.
type network struct {
	offline bool // but for addresses of loopback
	dialer  net.Dialer
}

func newNetwork(offline bool) *network {
	n := &network{offline: offline}
	if offline {
		n.dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error { return n.check(address) }
		n.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errOffline }}
	}
	return n
}

var errOffline = fmt.Errorf("the server is offline: %w", wasihttp.Fail(wasihttp.DestinationIPProhibited))

// Dial connects as net.Dialer does. Offline, what counts is the address that a
// name has turned into, at the moment of connecting.
func (n *network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return n.dialer.DialContext(ctx, network, address)
}

// check refuses an address that is resolved, if it is not to be reached.
func (n *network) check(address string) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || n.offline && !addr.Addr().Unmap().IsLoopback() {
		return errOffline
	}
	return nil
}

// transport sends HTTP requests. Certificates are checked against roots; nil is
// the system's.
func (n *network) transport(roots *x509.CertPool) *http.Transport {
	t := wasihttp.NewTransport(n.Dial)
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return t
}

// reach returns what the manifest lets a component reach.
func (a *App) reach(c *artifact.Component) *outbound.Reach {
	entries := append(c.Metadata.AllowedOutboundHosts[:len(c.Metadata.AllowedOutboundHosts):len(c.Metadata.AllowedOutboundHosts)],
		httpHosts(c.Metadata.AllowedHTTPHosts)...)
	return outbound.New(entries, a.variables.Expand)
}

// httpHosts are entries of allowed_http_hosts, which old locks have, as those of
// allowed_outbound_hosts.
func httpHosts(old []string) []string {
	var entries []string
	for _, host := range old {
		switch {
		case host == "insecure:allow-all":
			entries = append(entries, "http://*:*", "https://*:*", "http://self")
		case host == "self":
			entries = append(entries, "http://self")
		case strings.Contains(host, "://"):
			entries = append(entries, host)
		default:
			entries = append(entries, "http://"+host, "https://"+host)
		}
	}
	return entries
}

var errDenied = errors.New("not among the allowed_outbound_hosts")

// grantHTTP is for wasi:http's outgoing requests.
func (a *App) grantHTTP(c *artifact.Component) grant {
	reach := a.reach(c)
	return func(in *component.Instance, log func(string)) {
		a.host.can.http.Set(in, &wasihttp.State{Outbound: &wasihttp.Outbound{Allow: allow(reach, log), Transport: sender{a}}})
	}
}

// grantOutbound is for fermyon:spin/http.
func (a *App) grantOutbound(c *artifact.Component) grant {
	reach := a.reach(c)
	body := a.host.limits.Response
	return func(in *component.Instance, log func(string)) {
		a.host.can.outbound.Set(in, &outbound.State{Allow: allow(reach, log), Transport: sender{a}, MaxBody: body, Models: c.Metadata.AIModels})
	}
}

func allow(reach *outbound.Reach, log func(string)) func(context.Context, *url.URL) error {
	access := reach.For(log)
	return func(ctx context.Context, u *url.URL) error { return allowRequest(ctx, access, u) }
}

// allowRequest is wasihttp.Outbound.Allow.
func allowRequest(ctx context.Context, access *outbound.Access, u *url.URL) error {
	var ok bool
	switch {
	case u.Host == "" || u.Hostname() == outbound.SelfHost:
		ok = access.AllowSelf()
	case isSelf(ctx, u):
		ok = access.CanSelf() || access.AllowURL(u)
	default:
		ok = access.AllowURL(u)
	}
	if !ok {
		return errDenied
	}
	return nil
}

// grantSockets is for wasi:sockets.
func (a *App) grantSockets(c *artifact.Component) grant {
	reach, network := a.reach(c), a.host.network
	return func(in *component.Instance, log func(string)) {
		access := reach.For(log)
		a.host.can.wasi.State(in).Network = &sockets.Network{
			Allow: func(use sockets.Use, addr netip.AddrPort) bool {
				return use != sockets.TCPBind && access.AllowSocket(scheme(use), addr) &&
					(use == sockets.UDPBind || network.check(addr.String()) == nil)
			},
			Lookup: func(name string) bool { return reach.Knows(name) && (!network.offline || name == "localhost") },
		}
	}
}

func scheme(use sockets.Use) string {
	if use == sockets.TCPConnect {
		return "tcp"
	}
	return "udp"
}
