package runtime

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

const mqttPassword = "a password"

// publish asks a path of the guest, which uses a broker as a user.
func (v *service) publish(address, user, password, path string) answered {
	v.t.Helper()
	r := v.request(http.MethodGet, path, nil)
	r.Header = http.Header{"Address": {address}, "User": {user}, "Password": {password}}
	return v.do(r)
}

// A subscriber reads the messages of all topics.
type subscriber struct {
	conn net.Conn
	in   *bufio.Reader
}

func subscribe(t *testing.T, broker string) *subscriber {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", broker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &subscriber{conn, bufio.NewReader(conn)}
	text := func(s string) string { return string(binary.BigEndian.AppendUint16(nil, uint16(len(s)))) + s }
	send := func(kind byte, body string) {
		if _, err := io.WriteString(conn, string([]byte{kind, byte(len(body))})+body); err != nil {
			t.Fatal(err)
		}
		s.packet(t)
	}
	send(0x10, text("MQTT")+"\x04\xc2\x00\x00"+text("subscriber")+text("spin")+text(mqttPassword))
	send(0x82, "\x00\x01"+text("#")+"\x00")
	return s
}

// packet reads one packet and returns what is behind its length.
func (s *subscriber) packet(t *testing.T) []byte {
	t.Helper()
	s.conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := s.in.ReadByte(); err != nil {
		t.Fatal(err)
	}
	n, err := binary.ReadUvarint(s.in) // MQTT's lengths are written like these
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.in, body); err != nil {
		t.Fatal(err)
	}
	return body
}

// message reads a message and returns its topic and what it says.
func (s *subscriber) message(t *testing.T) (topic, text string) {
	t.Helper()
	body := s.packet(t)
	n := binary.BigEndian.Uint16(body)
	return string(body[2 : 2+n]), string(body[2+n:])
}

func TestMQTT(t *testing.T) {
	checkGoroutines(t)
	broker := services.MQTT(t, mqttPassword)
	address := "mqtt://" + broker + "?client_id=spintest"
	all := subscribe(t, broker)
	v := serve(t, newHost(t, akamai), spinSpec(t, "mqtt", "mqtt://127.0.0.1:*"))
	wants := func(path, topic, message string, times int) {
		t.Helper()
		if a := v.publish(address, "spin", mqttPassword, path); a.StatusCode != 200 || a.body != "" {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
		}
		for range times {
			if at, text := all.message(t); at != topic || text != message {
				t.Errorf("%s: %.100q in %s, want %.100q in %s", path, text, at, message, topic)
			}
		}
	}
	wants("/conformance", "telemetry-topic", "Eureka!", 1)
	for qos := range 3 {
		wants(fmt.Sprintf("/publish/%d/a/topic", qos), "a/topic", fmt.Sprintf("message %d", qos), 3)
	}
	wants("/large/a/topic", "a/topic", strings.Repeat("x", 1_000_000), 1)

	for _, tt := range []struct{ address, user, password, path, want string }{
		{address, "spin", "wrong", "/conformance", `Error::ConnectionFailed("connection refused, return code: NotAuthorized")`},
		{address, "", "", "/conformance", `Error::ConnectionFailed("connection refused, return code: NotAuthorized")`},
		{address, "spin", mqttPassword, "/publish/1/a/+", `Error::Other("invalid topic")`},
		{address, "spin", mqttPassword, "/publish/1/", `Error::Other("invalid topic")`},
		{"mqtt://" + broker, "spin", "", "/open", "Error::InvalidAddress"},
		{"mqtt://" + broker + "?client_id=a&certificate=/etc/passwd", "spin", "", "/open", "Error::InvalidAddress"},
	} {
		if a := v.publish(tt.address, tt.user, tt.password, tt.path); a.StatusCode != 500 || a.body != tt.want {
			t.Errorf("%s with %s: %d %s, want %s", tt.path, tt.address, a.StatusCode, a.body, tt.want)
		}
	}
	if a := v.publish("mqtt://"+services.FreeAddress(t)+"?client_id=a", "", "", "/conformance"); a.StatusCode != 500 || !strings.Contains(a.body, "connection refused") {
		t.Errorf("nobody there: %d %s", a.StatusCode, a.body)
	}
	if a := v.publish(address, "", "", "/many"); a.body != fmt.Sprintf("%d TooManyConnections", conns.MaxOpen) {
		t.Errorf("many: %s", a.body)
	}
}

func TestMQTTDenied(t *testing.T) {
	for _, hosts := range [][]string{nil, {"mqtt://127.0.0.1"}, {"http://localhost:*"}} {
		v := serve(t, newHost(t, akamai), spinSpec(t, "mqtt", hosts...))
		for _, address := range []string{"mqtt://localhost:1883?client_id=spintest", "mqtt://localhost:1883", "nonsense"} {
			want := fmt.Sprintf(`Error::ConnectionFailed("address %s is not permitted")`, address)
			if a := v.publish(address, "", "", "/conformance"); a.StatusCode != 500 || a.body != want {
				t.Errorf("%d %s, want %s", a.StatusCode, a.body, want)
			}
		}
		line := "A component tried to make an outbound network connection to disallowed destination 'mqtt://localhost:1883'."
		if said := v.stream(streamStderr); len(said) != 4 || said[0] != line {
			t.Errorf("%q: the log has %q", hosts, said)
		}
	}
}

// A broker that is silent, or lies, costs a guest its message, and us nothing.
func TestMQTTHostileServer(t *testing.T) {
	checkGoroutines(t)
	limits := akamai
	limits.Handler = 300 * time.Millisecond
	for name, send := range map[string]string{
		"an HTTP server":   "HTTP/1.1 400 Bad Request\r\n\r\n",
		"nothing":          "",
		"an endless size":  "\x20\xff\xff\xff\xff\xff",
		"a huge packet":    "\x20\xff\xff\xff\x7f",
		"a short packet":   "\x20\x02\x00",
		"an empty answer":  "\x20\x00",
		"no message's ack": "\x20\x02\x00\x00\x40\x02\x12\x34",
	} {
		server := listener(t, func(c net.Conn) {
			c.Read(make([]byte, 1000))
			io.WriteString(c, send)
		})
		v := serve(t, newHost(t, akamai), spinSpec(t, "mqtt", "mqtt://127.0.0.1:*"))
		if a := v.publish("mqtt://"+server+"?client_id=x", "", "", "/conformance"); a.StatusCode != 500 || !strings.HasPrefix(a.body, "Error::ConnectionFailed") {
			t.Errorf("%s: %d %q", name, a.StatusCode, a.body)
		}
	}
	silent := listener(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	v := serve(t, newHost(t, limits), spinSpec(t, "mqtt", "mqtt://127.0.0.1:*"))
	v.publish("mqtt://"+silent+"?client_id=x", "", "", "/conformance")
	if o := v.outcome(); o != ledger.Timeout {
		t.Errorf("outcome %s, want %s", o, ledger.Timeout)
	}
}
