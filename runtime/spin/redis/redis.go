// Package redis lets components talk to Redis servers: fermyon:spin/redis of
// Spin 1, which names the server in each call, and of Spin 2, which has
// connections.
//
// A guest reaches only servers that its component may, and it has a connection
// for itself as long as it has it open. What a server sends is bounded while it
// is read, and a call ends with the request that it is for, whether the server
// answers or not.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

const defaultPort = 6379

// An address is that of a server, and who is there.
type address struct {
	scheme         string // "redis", or "rediss" for TLS
	host           string
	port           uint16
	user, password string
	database       int
}

var errAddress = errors.New("invalid address")

// parseAddress reads redis://[user:password@]host[:port][/database].
func parseAddress(text string) (address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Opaque != "" || u.Hostname() == "" || u.Fragment != "" {
		return address{}, errAddress
	}
	a := address{scheme: u.Scheme, host: u.Hostname(), port: defaultPort, user: u.User.Username()}
	a.password, _ = u.User.Password()
	if text := u.Port(); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return address{}, errAddress
		}
		a.port = uint16(n)
	}
	if text := strings.TrimPrefix(u.Path, "/"); text != "" {
		if a.database, err = strconv.Atoi(text); err != nil || a.database < 0 {
			return address{}, errAddress
		}
	}
	return a, nil
}

// dial connects to a server and logs in.
func dial(ctx context.Context, n conns.Network, a address) (*client, error) {
	conn, err := n.Dial(ctx, "tcp", net.JoinHostPort(a.host, strconv.Itoa(int(a.port))))
	if err != nil {
		return nil, err
	}
	if a.scheme == "rediss" {
		conn = tls.Client(conn, &tls.Config{ServerName: a.host, RootCAs: n.Roots, MinVersion: tls.VersionTLS12})
	}
	c := newClient(conn)
	if err := c.greet(ctx, a); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// greet logs in and chooses the database, if the address says so.
func (c *client) greet(ctx context.Context, a address) error {
	if a.user != "" || a.password != "" {
		args := []string{a.password}
		if a.user != "" {
			args = []string{a.user, a.password}
		}
		if _, err := c.do(ctx, command("AUTH", args...)); err != nil {
			return err
		}
	}
	if a.database == 0 {
		return nil
	}
	_, err := c.do(ctx, command("SELECT", strconv.Itoa(a.database)))
	return err
}

// command returns the parts of a command.
func command(name string, args ...string) [][]byte {
	parts := [][]byte{[]byte(name)}
	for _, a := range args {
		parts = append(parts, []byte(a))
	}
	return parts
}

// lasting are commands after which a connection is not what it was, so that
// nobody else gets it.
var lasting = map[string]bool{
	"ASKING": true, "AUTH": true, "CLIENT": true, "CLUSTER": true, "DISCARD": true, "EXEC": true, "MULTI": true, "QUIT": true, "READONLY": true,
	"READWRITE": true, "RESET": true, "SELECT": true, "UNWATCH": true, "WATCH": true,
}

// streams are commands to which a server answers with more than one reply, or in
// another protocol.
var streams = map[string]bool{
	"HELLO": true, "MONITOR": true, "PSUBSCRIBE": true, "PSYNC": true, "PUNSUBSCRIBE": true, "SSUBSCRIBE": true, "SUBSCRIBE": true,
	"SUNSUBSCRIBE": true, "SYNC": true, "UNSUBSCRIBE": true,
}

// execute runs any command.
func (c *client) execute(ctx context.Context, parts [][]byte) ([]leaf, error) {
	name := strings.ToUpper(string(parts[0]))
	if streams[name] {
		return nil, fmt.Errorf("%s cannot be used here: it is not answered by one reply", name)
	}
	if lasting[name] {
		c.changed = true
	}
	return c.do(ctx, parts)
}
