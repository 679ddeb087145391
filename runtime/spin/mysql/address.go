package mysql

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

const defaultPort = 3306

// An address is what a guest connects to.
type address struct {
	host           string
	port           uint16
	user, password string
	database       string
	tls            bool
}

// ignored are parameters of how the client in Spin keeps connections.
const ignored = " client_found_rows compression conn_ttl inactive_connection_ttl max_allowed_packet pool_max pool_min prefer_socket " +
	"reset_connection secure_auth setup stmt_cache_size tcp_keepalive tcp_nodelay ttl_check_interval wait_timeout "

// parseAddress reads mysql://[user[:password]@]host[:port][/database][?ssl-mode=…].
func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil {
		return address{}, errors.New("invalid connection URL") // the error of url has the password in it
	}
	if u.Scheme != "mysql" || u.Opaque != "" || u.Hostname() == "" {
		return address{}, errors.New("invalid connection URL: expected mysql://host")
	}
	a := address{host: u.Hostname(), port: defaultPort, user: u.User.Username(), database: strings.TrimPrefix(u.Path, "/")}
	a.password, _ = u.User.Password()
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return address{}, fmt.Errorf("invalid connection URL: port %.20q", text)
		}
		a.port = uint16(n)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return address{}, errors.New("invalid connection URL: its query")
	}
	for key, values := range query {
		switch name := strings.ToLower(key); {
		case name == "ssl-mode" || name == "sslmode":
			a.tls = a.tls || strings.ToLower(values[0]) != "disabled"
		case !strings.Contains(ignored, " "+name+" "):
			return address{}, fmt.Errorf("invalid connection URL: unknown parameter %.100q", key)
		}
	}
	return a, nil
}
