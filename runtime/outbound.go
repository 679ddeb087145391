package runtime

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/wasihttp"
)

// outbound returns what sends the requests of a component that may reach the
// listed hosts. An entry that cannot be read denies everything, as in Spin.
func (h *Host) outbound(entries []string) *wasihttp.Outbound {
	var allowed []artifact.AllowedHost
	for _, e := range entries {
		a, err := artifact.ParseAllowedHost(e)
		if err != nil {
			return nil
		}
		allowed = append(allowed, a)
	}
	if len(allowed) == 0 {
		return nil
	}
	return &wasihttp.Outbound{Transport: h.transport, Allow: func(_ context.Context, u *url.URL) error {
		for _, a := range allowed {
			if allows(a, u) {
				return nil
			}
		}
		return fmt.Errorf("%s://%s is not among the allowed_outbound_hosts", u.Scheme, u.Host)
	}}
}

// allows reports whether a request to u is one that a allows.
func allows(a artifact.AllowedHost, u *url.URL) bool {
	port := uint64(80)
	if u.Scheme == "https" {
		port = 443
	}
	if p := u.Port(); p != "" {
		var err error
		if port, err = strconv.ParseUint(p, 10, 16); err != nil {
			return false
		}
	}
	if a.Scheme != "*" && a.Scheme != u.Scheme || !a.Port.Allows(uint16(port)) {
		return false
	}
	name := strings.ToLower(u.Hostname())
	switch p := a.Host; {
	case p.Any:
		return true
	case p.Suffix != "":
		return strings.HasSuffix(name, p.Suffix)
	case p.Prefix.IsValid():
		addr, err := netip.ParseAddr(name)
		return err == nil && p.Prefix.Contains(addr)
	default:
		return p.Name != "" && p.Name == name
	}
}
