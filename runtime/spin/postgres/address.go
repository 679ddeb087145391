package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const defaultPort = 5432

// An address is what a guest connects to. It is read here and not by the driver,
// which would fill it up from our environment and from files that the guest names.
type address struct {
	hosts          []host
	user, password string
	database       string
	tls            string // sslmode: disable, prefer or require
	writable       bool   // target_session_attrs is read-write
	timeout        time.Duration
	params         map[string]string // of the session
}

type host struct {
	name string
	port string // as it was given; "" is the default
}

func (h host) number() uint16 {
	n, err := strconv.ParseUint(h.port, 10, 16)
	if err != nil {
		return defaultPort
	}
	return uint16(n)
}

// String is as denials have it.
func (h host) String() string {
	if h.port == "" {
		return "postgres://" + h.name
	}
	return "postgres://" + h.name + ":" + h.port
}

var errUnix = errors.New("Unix sockets are not supported on WebAssembly") //lint:ignore ST1005 programs know these words

// parseAddress reads a URL or a list of key=value.
func parseAddress(text string) (address, error) {
	settings, err := keyValues(text)
	if strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://") {
		settings, err = urlSettings(text)
	}
	if err != nil {
		return address{}, err
	}
	a := address{tls: "prefer", params: map[string]string{"client_encoding": "UTF8"}}
	hosts, ports := "", ""
	for _, s := range settings {
		switch s.key {
		case "host":
			hosts = s.value
		case "port":
			ports = s.value
		default:
			if err := a.set(s.key, s.value); err != nil {
				return address{}, err
			}
		}
	}
	if a.user == "" {
		return address{}, errors.New("invalid connection string: user is missing")
	}
	a.hosts, err = pair(hosts, ports)
	return a, err
}

func (a *address) set(key, value string) error {
	wrong := fmt.Errorf("invalid connection string: invalid value for option `%.100s`", key)
	switch key {
	case "user":
		a.user = value
	case "password":
		a.password = value
	case "dbname":
		a.database = value
	case "options", "application_name":
		a.params[key] = value
	case "sslmode":
		switch value {
		case "disable", "prefer", "require":
			a.tls = value
		case "verify-ca", "verify-full":
			a.tls = "require" // certificates are always verified
		default:
			return wrong
		}
	case "target_session_attrs":
		if value != "any" && value != "read-write" {
			return wrong
		}
		a.writable = value == "read-write"
	case "connect_timeout":
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil {
			return wrong
		}
		a.timeout = time.Duration(max(n, 0)) * time.Second
	case "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_retries", "tcp_user_timeout", "channel_binding",
		"load_balance_hosts", "sslnegotiation": // how we connect is ours
	default:
		return fmt.Errorf("invalid connection string: unknown option `%.100s`", key)
	}
	return nil
}

// pair returns hosts with their ports: one port is for all hosts.
func pair(hosts, ports string) ([]host, error) {
	if hosts == "" {
		return nil, errors.New("invalid configuration: host is missing")
	}
	names, numbers := strings.Split(hosts, ","), strings.Split(ports, ",")
	if len(names) > maxHosts || len(numbers) > 1 && len(numbers) != len(names) {
		return nil, errors.New("invalid configuration: invalid number of ports")
	}
	all := make([]host, len(names))
	for i, name := range names {
		port := numbers[0]
		if len(numbers) > 1 {
			port = numbers[i]
		}
		if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "@") {
			return nil, errUnix
		}
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) || name == "" {
			return nil, fmt.Errorf("invalid connection string: invalid value for option `port` or `host`: %.100q", name+":"+port)
		}
		all[i] = host{name, port}
	}
	return all, nil
}

const maxHosts = 8

type setting struct{ key, value string }

// urlSettings reads postgres://[user[:password]@]host[:port],…[/database][?key=value&…].
func urlSettings(text string) ([]setting, error) {
	_, rest, _ := strings.Cut(text, "://")
	rest, query, _ := strings.Cut(rest, "?")
	rest, database, _ := strings.Cut(rest, "/")
	var all []setting
	add := func(key, escaped string) error {
		value, err := url.PathUnescape(escaped)
		if err != nil {
			return errors.New("invalid connection string: a value is not encoded as in URLs")
		}
		all = append(all, setting{key, value})
		return nil
	}
	var errs []error
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		user, password, ok := strings.Cut(rest[:i], ":")
		rest = rest[i+1:]
		errs = append(errs, add("user", user))
		if ok {
			errs = append(errs, add("password", password))
		}
	}
	names, ports := splitHosts(rest)
	errs = append(errs, add("host", names), add("port", ports))
	if database != "" {
		errs = append(errs, add("dbname", database))
	}
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			errs = append(errs, add(key, value))
		} else if pair != "" {
			return nil, errors.New("invalid connection string: a parameter has no value")
		}
	}
	return all, errors.Join(errs...)
}

// splitHosts returns the hosts and the ports of host[:port],…, each with commas
// between; ports is "" if no host has one.
func splitHosts(text string) (names, ports string) {
	var ns, ps []string
	for one := range strings.SplitSeq(text, ",") {
		name, port := one, ""
		if i := strings.LastIndexByte(one, ':'); i >= 0 && !strings.HasSuffix(one, "]") {
			name, port = one[:i], one[i+1:]
		}
		ns = append(ns, strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
		ps = append(ps, port)
	}
	return strings.Join(ns, ","), strings.TrimLeft(strings.Join(ps, ","), ",")
}

// keyValues reads key=value …, where values may be in single quotes, and a
// backslash is before what stands for itself.
func keyValues(text string) ([]setting, error) {
	var all []setting
	for text = strings.TrimLeft(text, blanks); text != ""; text = strings.TrimLeft(text, blanks) {
		key, rest, ok := strings.Cut(text, "=")
		if key = strings.TrimRight(key, blanks); !ok || key == "" || strings.ContainsAny(key, blanks) {
			return nil, errors.New("invalid connection string: expected key=value")
		}
		value, rest, err := word(strings.TrimLeft(rest, blanks))
		if err != nil {
			return nil, err
		}
		all = append(all, setting{key, value})
		text = rest
	}
	return all, nil
}

const blanks = " \t\r\n"

// word reads a value and returns what follows it.
func word(text string) (value, rest string, err error) {
	quoted := strings.HasPrefix(text, "'")
	var b strings.Builder
	i := 0
	if quoted {
		i++
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quoted && c == '\'':
			return b.String(), text[i+1:], nil
		case !quoted && strings.IndexByte(blanks, c) >= 0:
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errors.New("invalid connection string: unterminated quoted value")
	}
	return b.String(), "", nil
}
