package mqtt

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// An address is what a guest connects to.
type address struct {
	scheme   string
	host     string
	port     uint16
	tls      bool
	clientID string
}

var (
	errUnreadable = errors.New("not a URL") // of which nobody can say whether it is allowed
	errAddress    = errors.New("invalid address")
)

// ignored are parameters of how the client in Spin works.
const ignored = " clean_session inflight_num keep_alive_secs max_incoming_packet_size_bytes max_outgoing_packet_size_bytes max_request_batch_num " +
	"pending_throttle_usecs request_channel_capacity_num "

// parseAddress reads mqtt://host[:port]?client_id=…. The result of errAddress
// says where it goes all the same.
func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return address{}, errUnreadable
	}
	a := address{scheme: u.Scheme, host: u.Hostname(), port: 1883}
	if u.Scheme == "mqtts" || u.Scheme == "ssl" {
		a.tls, a.port = true, 8883
	}
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return address{}, errUnreadable
		}
		a.port = uint16(n)
	}
	query, err := url.ParseQuery(u.RawQuery)
	a.clientID = query.Get("client_id")
	switch u.Scheme {
	case "mqtt", "tcp", "mqtts", "ssl":
	default:
		err = errAddress
	}
	if err != nil || a.clientID == "" || len(a.clientID) > maxText {
		return a, errAddress
	}
	for key := range query {
		if key != "client_id" && !strings.Contains(ignored, " "+key+" ") {
			return a, errAddress
		}
	}
	return a, nil
}
