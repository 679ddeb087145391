package artifact

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// ChainingSuffix ends the host names of an app's own components.
const ChainingSuffix = ".spin.internal"

// An AllowedHost is one entry of allowed_outbound_hosts without templates:
// scheme://host[:port].
type AllowedHost struct {
	Scheme string // "*" is any
	Host   HostPattern
	Port   PortRange
}

// A HostPattern is the host of an AllowedHost; just one field is set.
type HostPattern struct {
	Any    bool
	Self   bool         // the app's own origin
	Suffix string       // ".example.com": any name below example.com, and not itself
	Name   string       // lower-case ASCII, or the text of an address
	Prefix netip.Prefix // of addresses
}

// A PortRange is the ports from From up to, not including, To; in 32 bits since
// a range may end after the last port.
type PortRange struct{ From, To uint32 }

var wellKnownPorts = map[string]uint32{"postgres": 5432, "mysql": 3306, "redis": 6379, "mqtt": 1883, "http": 80, "https": 443}

// ParseAllowedHost returns an entry of allowed_outbound_hosts.
func ParseAllowedHost(entry string) (AllowedHost, error) {
	entry = strings.TrimSpace(entry)
	scheme, rest, ok := strings.Cut(entry, "://")
	if !ok {
		switch entry {
		case "*", ":", "", "?":
			return AllowedHost{}, fmt.Errorf("%q is not an allowed outbound host format: hosts must be in the form <scheme>://<host>[:<port>], with '*' wildcards allowed for each", entry)
		case "insecure:allow-all":
			return AllowedHost{}, errors.New("'insecure:allow-all' is not allowed - use '*://*:*' instead if you really want to allow all outbound traffic")
		}
		return AllowedHost{}, fmt.Errorf("%.200q does not contain a scheme (e.g., 'http://' or '*://')", entry)
	}
	host, port := splitPort(rest)
	if before, path, ok := strings.Cut(port, "/"); ok {
		if path != "" {
			return AllowedHost{}, fmt.Errorf("%.200q has a path but is not allowed to", entry)
		}
		port = before
	}
	var a AllowedHost
	var err error
	if a.Port, err = parsePorts(port, scheme); err != nil {
		return AllowedHost{}, fmt.Errorf("invalid allowed host port %.100q: %w", port, err)
	}
	if a.Scheme, err = parseScheme(scheme); err != nil {
		return AllowedHost{}, fmt.Errorf("invalid allowed host scheme %.100q: %w", scheme, err)
	}
	if a.Host, err = parseHost(host); err != nil {
		return AllowedHost{}, fmt.Errorf("invalid allowed host %.200q: %w", host, err)
	}
	return a, nil
}

// Chaining reports whether the entry allows requests to components of the app.
func (a AllowedHost) Chaining() bool {
	return strings.HasSuffix(a.Host.Name, ChainingSuffix) || a.Host.Suffix == ChainingSuffix
}

// Allows reports whether port is in the range.
func (r PortRange) Allows(port uint16) bool { return uint32(port) >= r.From && uint32(port) < r.To }

// splitPort splits at the last colon, unless all of s is an IPv6 address.
func splitPort(s string) (host, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, ""
	}
	if _, err := parseHost(s); err == nil && i < len(s)-1 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

func parseScheme(s string) (string, error) {
	switch {
	case s == "*":
		return s, nil
	case strings.HasPrefix(s, "{"):
		return "", errors.New("scheme lists are not supported")
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }):
		return "", errors.New("only alphabetic characters are allowed")
	}
	return s, nil
}

func parsePorts(s, scheme string) (PortRange, error) {
	if s == "" {
		p, ok := wellKnownPorts[scheme]
		if !ok {
			return PortRange{}, fmt.Errorf("no port was provided and the scheme %.100q does not have a known default port number", scheme)
		}
		return PortRange{p, p + 1}, nil
	}
	if s == "*" {
		return PortRange{0, 1 << 16}, nil
	}
	if strings.HasPrefix(s, "{") {
		return PortRange{}, errors.New("port lists are not yet supported")
	}
	from, to, ok := strings.Cut(s, "..")
	first, err := parsePort(from)
	if !ok {
		if err != nil {
			return PortRange{}, fmt.Errorf("port %.100q is not a number", s)
		}
		return PortRange{first, first + 1}, nil
	}
	last, lastErr := parsePort(to)
	if err != nil || lastErr != nil {
		return PortRange{}, fmt.Errorf("port range %.100q contains non-number", s)
	}
	return PortRange{first, last}, nil
}

func parsePort(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint32(n), err
}

func parseHost(s string) (HostPattern, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "*":
		return HostPattern{Any: true}, nil
	case s == "self" || s == "self.alt":
		return HostPattern{Self: true}, nil
	case strings.HasPrefix(s, "{"):
		return HostPattern{}, errors.New("host lists are not yet supported")
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return HostPattern{Prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return HostPattern{Prefix: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	s = strings.TrimSuffix(s, "/")
	if strings.Contains(s, "/") {
		return HostPattern{}, errors.New("must not include a path")
	}
	if domain, ok := strings.CutPrefix(s, "*."); ok {
		if strings.Contains(domain, "*") {
			return HostPattern{}, errors.New("wildcards are allowed only as prefixes")
		}
		name, err := parseDomain(domain)
		return HostPattern{Suffix: "." + name}, err
	}
	if strings.Contains(s, "*") {
		return HostPattern{}, errors.New("wildcards are allowed only as subdomains")
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(inner, "]") {
			return HostPattern{}, errors.New("invalid IPv6 address")
		}
		return HostPattern{Prefix: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	name, err := parseDomain(s)
	return HostPattern{Name: name}, err
}

// parseDomain returns s in lower-case ASCII.
func parseDomain(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("empty host")
	case len(s) > 1024:
		return "", errors.New("longer than 1024 bytes")
	case strings.ContainsAny(s, "\x00\t\n\r #/:<>?@[\\]^|%") || strings.ContainsFunc(s, unicode.IsControl):
		return "", errors.New("invalid domain character")
	}
	name, err := idna.New(idna.MapForLookup(), idna.StrictDomainName(false)).ToASCII(s)
	if err != nil {
		return "", errors.New("invalid international domain name")
	}
	return name, nil
}
