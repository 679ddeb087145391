package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
)

// An Access is a Reach in the hands of one instance: it writes denials to the
// guest's log. It is for the guest's goroutine.
type Access struct {
	reach *Reach
	log   func(line string)
	told  int
}

// For returns the access of an instance whose log has lines from log.
func (r *Reach) For(log func(line string)) *Access { return &Access{reach: r, log: log} }

// Allow reports whether a host, a name or an address, may be reached, and tells
// the log if not. Ask for what is connected to, after the driver has parsed what
// the guest gave: two parsers may not agree.
func (a *Access) Allow(scheme, host string, port uint16) bool {
	name, err := normalise(host)
	if err != nil {
		a.tell(fmt.Sprintf("A component tried to make an outbound network connection to an invalid host: %v.", err))
		return false
	}
	return a.allow(Destination{scheme, name, port})
}

// AllowSocket is Allow for an address of a socket.
func (a *Access) AllowSocket(scheme string, addr netip.AddrPort) bool {
	return a.allow(Socket(scheme, addr))
}

// AllowURL is Allow for a request.
func (a *Access) AllowURL(u *url.URL) bool {
	d, err := HTTP(u)
	if err != nil {
		a.tell(fmt.Sprintf("A component tried to make an HTTP request to an invalid host: %v.", err))
		return false
	}
	return a.allow(d)
}

func (a *Access) allow(d Destination) bool {
	if a.reach.Allows(d) {
		return true
	}
	a.deny(fmt.Sprintf("A component tried to make an outbound network connection to disallowed destination '%s'.", d), d.String())
	return false
}

// AllowSelf is Allow for a request to the component's own app.
func (a *Access) AllowSelf() bool {
	if a.reach.AllowsSelf() {
		return true
	}
	a.deny("A component tried to make an HTTP request to its own app but it does not have permission.", "http://self")
	return false
}

// CanSelf is AllowSelf that tells the log nothing.
func (a *Access) CanSelf() bool { return a.reach.AllowsSelf() }

func (a *Access) deny(what, entry string) {
	if a.reach.fault != "" {
		a.tell(what, a.reach.fault)
		return
	}
	a.tell(what, fmt.Sprintf("To allow this request, add 'allowed_outbound_hosts = [%q]' to the manifest component section.", entry))
}

// maxTold bounds what one instance makes us log.
const maxTold = 100

func (a *Access) tell(lines ...string) {
	if a.told++; a.told > maxTold {
		return
	}
	for _, line := range lines {
		a.log(line)
	}
}
