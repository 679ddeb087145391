package runtime

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/e2e/services"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// echoServers are a TCP and a UDP server that send back what they get.
func echoServers(t testing.TB) (tcp, udp string) {
	t.Helper()
	p, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(b[:n], from)
		}
	}()
	return services.TCP(t, services.Echo), p.LocalAddr().String()
}

func TestSocketGrants(t *testing.T) {
	checkGoroutines(t)
	tcp, udp := echoServers(t)
	port := tcp[strings.LastIndexByte(tcp, ':')+1:]
	const denied = "access-denied (error 1)"
	tests := []struct {
		hosts []string
		path  string
		want  string
	}{
		{nil, "/connect/" + tcp, denied},
		{[]string{"*://" + tcp}, "/connect/" + tcp, "ping"},
		{[]string{"tcp://" + tcp}, "/connect/" + tcp, "ping"},
		{[]string{"tcp://127.0.0.0/24:" + port}, "/connect/" + tcp, "ping"},
		{[]string{"*://{{ net }}/{{ len }}:" + port}, "/connect/" + tcp, "ping"},
		{[]string{"tcp://*:*"}, "/connect/" + tcp, "ping"},
		{[]string{"udp://" + tcp, "http://" + tcp}, "/connect/" + tcp, denied},
		{[]string{"*://127.0.0.2:" + port}, "/connect/" + tcp, denied},
		{[]string{"*://127.0.0.1:1"}, "/connect/" + tcp, denied},
		{[]string{"*://localhost:" + port}, "/connect/" + tcp, denied}, // a name is no address
		{[]string{"*://" + tcp}, "/connect/" + services.FreeAddress(t), denied},
		{[]string{"*://*:*"}, "/connect/" + services.FreeAddress(t), "connection-refused (error 14)"},
		{[]string{"*://*:*"}, "/bind/127.0.0.1:0", denied},
		{[]string{"udp://" + udp, "udp://0.0.0.0:0"}, "/udp/" + udp, "ping"},
		{[]string{"udp://" + udp}, "/udp/" + udp, denied}, // it may not bind what it sends from
		{[]string{"udp://0.0.0.0:0"}, "/udp/" + udp, denied},
		{[]string{"tcp://*:*"}, "/udp/" + udp, denied},
		{[]string{"tcp://*:*"}, "/lookup/localhost", "an IP"},
		{[]string{"tcp://localhost:1"}, "/lookup/localhost", "an IP"},
		{[]string{"tcp://127.0.0.1:1", "tcp://x.localhost:1"}, "/lookup/localhost", denied},
		{nil, "/lookup/localhost", denied},
	}
	h := newHost(t, akamai)
	for _, tt := range tests {
		s := spinSpec(t, "sockets", tt.hosts...)
		s.Lock.Variables = map[string]artifact.Variable{"net": {}, "len": {Default: new("32")}}
		s.Variables = map[string]string{"net": "127.0.0.0", "len": "8"}
		if got := serve(t, h, s).get(tt.path); !strings.HasPrefix(got.body, tt.want) {
			t.Errorf("%v %s = %d %q, want %q", tt.hosts, tt.path, got.StatusCode, got.body, tt.want)
		}
	}
}

func TestSocketDenialIsLogged(t *testing.T) {
	v := serve(t, newHost(t, akamai), spinSpec(t, "sockets", "tcp://127.0.0.1:2"))
	v.get("/connect/127.0.0.1:1")
	want := []string{
		"A component tried to make an outbound network connection to disallowed destination 'tcp://127.0.0.1:1'.",
		`To allow this request, add 'allowed_outbound_hosts = ["tcp://127.0.0.1:1"]' to the manifest component section.`,
	}
	if diff := cmp.Diff(want, v.stream(streamStderr)); diff != "" {
		t.Error(diff)
	}
}

func TestSocketsOffline(t *testing.T) {
	tcp, udp := echoServers(t)
	v := serve(t, configured(t, func(c *Config) { c.Offline = true }), spinSpec(t, "sockets", "*://*:*"))
	for path, want := range map[string]string{
		"/connect/" + tcp: "ping", "/udp/" + udp: "ping", "/lookup/localhost": "an IP",
		"/connect/192.0.2.1:80": "access-denied", "/udp/192.0.2.1:80": "access-denied", "/lookup/example.com": "access-denied",
	} {
		if got := v.get(path); !strings.HasPrefix(got.body, want) {
			t.Errorf("%s = %d %q, want %q", path, got.StatusCode, got.body, want)
		}
	}
}
