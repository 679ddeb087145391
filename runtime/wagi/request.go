package wagi

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/runtime/route"
)

// A Request is one HTTP request to a program.
type Request struct {
	HTTP  *http.Request // method, protocol and headers
	Path  string        // raw
	Query string        // raw
	Host  string
	Match route.Match
	Place route.Place

	Body   io.Reader // nil if there is none
	Length int64     // of Body; -1 if it is not known
}

// DefaultArguments is the template of the arguments unless a manifest has
// another.
const DefaultArguments = "${SCRIPT_NAME} ${ARGS}"

// arguments returns the program's arguments. Without a query the default
// template leaves an empty one at the end, as in Spin.
func arguments(template string, q *Request) []string {
	s := strings.ReplaceAll(template, "${SCRIPT_NAME}", q.Path)
	s = strings.ReplaceAll(s, "${ARGS}", strings.ReplaceAll(q.Query, "&", " "))
	return strings.Split(s, " ")
}

// A Variable is one variable of an environment.
type Variable struct{ Name, Value string }

// environment returns the environment of a program, sorted by name: base, which
// is the manifest's, the CGI variables over it, and Spin's own over those.
func environment(base map[string]string, q *Request) []Variable {
	env := make([]Variable, 0, len(base)+len(q.HTTP.Header)+32)
	for name, value := range base {
		env = append(env, Variable{name, value})
	}
	env = headers(meta(env, q), q)
	for _, f := range q.Match.Fields(q.Place) {
		env = append(env, Variable{f.Variable, f.Value})
	}
	slices.SortStableFunc(env, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	last := env[:0]
	for i, v := range env {
		if i+1 == len(env) || v.Name != env[i+1].Name {
			last = append(last, v)
		}
	}
	return last
}

// meta appends the meta-variables of RFC 3875, section 4.1, and WAGI's.
func meta(env []Variable, q *Request) []Variable {
	client, _, err := net.SplitHostPort(q.Place.Client)
	if err != nil {
		client = q.Place.Client
	}
	length := ""
	if q.Length >= 0 {
		length = strconv.FormatInt(q.Length, 10)
	}
	name, port := server(q.Host)
	info := q.Match.PathInfo()
	return append(env,
		Variable{"AUTH_TYPE", ""},
		Variable{"CONTENT_LENGTH", length},
		Variable{"CONTENT_TYPE", visible(q.HTTP.Header["Content_type"], "")}, // the header of that very name: Spin's quirk
		Variable{"GATEWAY_INTERFACE", "CGI/1.1"},
		Variable{"PATH_INFO", info},
		Variable{"PATH_TRANSLATED", unescape(info)},
		Variable{"QUERY_STRING", q.Query},
		Variable{"REMOTE_ADDR", client},
		Variable{"REMOTE_HOST", client},
		Variable{"REMOTE_USER", ""},
		Variable{"REQUEST_METHOD", q.HTTP.Method},
		Variable{"SCRIPT_NAME", strings.TrimSuffix(q.Match.Sanitised, "/...")},
		Variable{"SERVER_NAME", name},
		Variable{"SERVER_PORT", port},
		Variable{"SERVER_PROTOCOL", q.HTTP.Proto},
		Variable{"SERVER_SOFTWARE", "WAGI/1"},
		Variable{"X_RAW_PATH_INFO", info},
	)
}

// server splits a Host header at its first colon.
func server(host string) (name, port string) {
	name, port, _ = strings.Cut(host, ":")
	if name == "" {
		name = "localhost"
	}
	if port == "" {
		port = "80"
	}
	return name, port
}

// headers appends HTTP_* for each header but the two that RFC 3875, section
// 4.1.18, allows to keep back. net/http keeps Host and Transfer-Encoding apart.
func headers(env []Variable, q *Request) []Variable {
	if q.HTTP.Host != "" {
		env = append(env, Variable{"HTTP_HOST", visible([]string{q.HTTP.Host}, "")})
	}
	if len(q.HTTP.TransferEncoding) > 0 {
		env = append(env, Variable{"HTTP_TRANSFER_ENCODING", strings.Join(q.HTTP.TransferEncoding, ", ")})
	}
	names := make([]string, 0, len(q.HTTP.Header))
	for name := range q.HTTP.Header {
		names = append(names, name)
	}
	slices.Sort(names) // several may become the same variable
	for _, name := range names {
		key := "HTTP_" + strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		if key != "HTTP_AUTHORIZATION" && key != "HTTP_CONNECTION" {
			env = append(env, Variable{key, visible(q.HTTP.Header[name], "CORRUPT VALUE")})
		}
	}
	return env
}

// visible returns the last of values, or corrupt if it is not visible ASCII.
func visible(values []string, corrupt string) string {
	if len(values) == 0 {
		return ""
	}
	last := values[len(values)-1]
	for i := range len(last) {
		if c := last[i]; c != '\t' && (c < 0x20 || c > 0x7e) {
			return corrupt
		}
	}
	return last
}

// unescape decodes what is percent-encoded and leaves the rest as it is. It
// never returns a zero byte, which ends a variable.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil && c != 0 {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}
