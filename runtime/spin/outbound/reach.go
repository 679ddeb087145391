// Package outbound decides what a component may reach by its
// allowed_outbound_hosts, gives it the old interface for requests,
// fermyon:spin/http, and answers for fermyon:spin/llm.
//
// One entry that cannot be read, or a variable in it that has no value, denies
// everything. A denial says so in the log of the guest, and no log has the value
// of a variable.
package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// SelfHost is the name by which programs that need a host call their own app.
const SelfHost = "self.alt"

// A Reach is what one component may reach. Its zero value is nothing.
type Reach struct {
	allowed []artifact.AllowedHost
	fault   string // why everything is denied
}

// New returns what entries of allowed_outbound_hosts allow; expand gives
// templates their text. Entries that come out as nothing are left out.
func New(entries []string, expand func(artifact.Template) (string, error)) *Reach {
	r := new(Reach)
	for _, entry := range entries {
		allowed, skip, err := parse(entry, expand)
		if err != nil {
			return &Reach{fault: fmt.Sprintf("allowed_outbound_hosts: entry %.200q: %v: nothing can be reached", entry, err)}
		}
		if !skip {
			r.allowed = append(r.allowed, allowed)
		}
	}
	return r
}

func parse(entry string, expand func(artifact.Template) (string, error)) (a artifact.AllowedHost, skip bool, err error) {
	t, err := artifact.ParseTemplate(entry)
	if err != nil {
		return a, false, err
	}
	text, err := expand(t)
	if err != nil {
		return a, false, err
	}
	if text == "" || text == "http://" || text == "https://" {
		return a, true, nil
	}
	a, err = artifact.ParseAllowedHost(text)
	if err != nil && len(t.Names()) > 0 {
		err = fmt.Errorf("with its variables it is not in the form <scheme>://<host>[:<port>]") // the values are nobody's
	}
	return a, false, err
}

// Fault says why everything is denied; "" if it is not.
func (r *Reach) Fault() string { return r.fault }

// A Destination is where a connection goes.
type Destination struct {
	Scheme string
	Host   string // lower-case ASCII name or an address, without brackets
	Port   uint16 // 0 if none is given and the scheme has none
}

func (d Destination) String() string {
	host := d.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if d.Port != 0 {
		host += ":" + strconv.Itoa(int(d.Port))
	}
	return d.Scheme + "://" + host
}

// Allows reports whether d may be reached.
func (r *Reach) Allows(d Destination) bool {
	return slices.ContainsFunc(r.allowed, func(a artifact.AllowedHost) bool { return allows(a, d) })
}

func allows(a artifact.AllowedHost, d Destination) bool {
	if a.Scheme != "*" && a.Scheme != d.Scheme || d.Host == "" || !a.Port.Allows(d.Port) {
		return false
	}
	return matches(a.Host, d.Host)
}

func matches(p artifact.HostPattern, host string) bool {
	switch {
	case p.Any:
		return true
	case p.Suffix != "":
		return strings.HasSuffix(host, p.Suffix)
	case p.Prefix.IsValid():
		addr, err := netip.ParseAddr(host)
		return err == nil && p.Prefix.Contains(addr)
	}
	return p.Name != "" && p.Name == host
}

// AllowsSelf reports whether the component may send HTTP requests to its own app.
func (r *Reach) AllowsSelf() bool {
	return slices.ContainsFunc(r.allowed, func(a artifact.AllowedHost) bool {
		return (a.Host.Self || a.Host.Any) && (a.Scheme == "*" || a.Scheme == "http" || a.Scheme == "https")
	})
}

// Knows reports whether something that may be reached could have this name, so
// that it may be looked up.
func (r *Reach) Knows(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(r.allowed, func(a artifact.AllowedHost) bool {
		return !a.Host.Prefix.IsValid() && !a.Host.Self && matches(a.Host, name)
	})
}

var defaultPorts = map[string]uint16{"http": 80, "https": 443}

// maxHost bounds what is parsed.
const maxHost = 1024

// normalise returns a host as entries have it.
func normalise(host string) (string, error) {
	if addr, err := netip.ParseAddr(host); err == nil && addr.Zone() == "" {
		return addr.String(), nil
	}
	if host == "" || len(host) > maxHost || strings.ContainsAny(host, "\x00\t\n\r #%/:<>?@[\\]^|") {
		return "", fmt.Errorf("%.200q is not a host", host)
	}
	name, err := idna.New(idna.MapForLookup(), idna.StrictDomainName(false)).ToASCII(host)
	if err != nil {
		return "", fmt.Errorf("%.200q is not a host", host)
	}
	return name, nil
}

// Socket is the destination of a socket.
func Socket(scheme string, addr netip.AddrPort) Destination {
	return Destination{scheme, addr.Addr().String(), addr.Port()}
}

// HTTP is the destination of a request.
func HTTP(u *url.URL) (Destination, error) {
	host, err := normalise(u.Hostname())
	if err != nil {
		return Destination{}, err
	}
	d := Destination{u.Scheme, host, defaultPorts[u.Scheme]}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return Destination{}, fmt.Errorf("port %.20q is not one", port)
		}
		d.Port = uint16(n)
	}
	return d, nil
}
