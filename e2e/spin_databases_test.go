package e2e

import (
	"net"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/services"
)

// TestConformanceRedis restates the tests of Spin's suite that are about Redis.
func TestConformanceRedis(t *testing.T) {
	address := services.Redis(t, "")
	_, port, _ := net.SplitHostPort(address)
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	headers := map[string]string{"address": "redis://" + address}
	for _, c := range []check{
		{name: "redis", guest: "redis", grants: `allowed_outbound_hosts = ["redis://` + address + `"]`, path: "/conformance", headers: headers, status: 200},
		{
			name: "redis-variable", guest: "redis", grants: `allowed_outbound_hosts = ["redis://{{ host }}:` + port + `"]`, variables: []string{"host=127.0.0.1"},
			path: "/conformance", headers: headers, status: 200,
		},
		{name: "redis-no-permission", guest: "redis", path: "/conformance", headers: headers, status: 500, body: "Error::InvalidAddress", chunked: true},
	} {
		t.Run(c.name, func(t *testing.T) { s.conforms(t, c) })
	}
}

// TestConformanceMQTT restates those about MQTT.
func TestConformanceMQTT(t *testing.T) {
	address := services.MQTT(t, "password")
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	for _, c := range []check{
		{
			name: "mqtt", guest: "mqtt", grants: `allowed_outbound_hosts = ["mqtt://` + address + `"]`, path: "/conformance", status: 200,
			headers: map[string]string{"address": "mqtt://" + address + "?client_id=spintest", "user": "spin", "password": "password"},
		},
		{
			name: "mqtt-no-permission", guest: "mqtt", path: "/conformance", headers: map[string]string{"address": "mqtt://localhost:1883?client_id=spintest"},
			status: 500, body: `Error::ConnectionFailed("address mqtt://localhost:1883?client_id=spintest is not permitted")`, chunked: true,
		},
	} {
		t.Run(c.name, func(t *testing.T) { s.conforms(t, c) })
	}
}

// TestConformancePostgres restates the one about PostgreSQL.
func TestConformancePostgres(t *testing.T) {
	address := services.Postgres(t, "password")
	host, port, _ := net.SplitHostPort(address)
	s := newServer(t)
	s.start("--ephemeral", "--failover", "instant")
	s.conforms(t, check{
		name: "postgres", guest: "postgres", grants: `allowed_outbound_hosts = ["postgres://` + address + `"]`, path: "/conformance", status: 200,
		headers: map[string]string{"address": "host=" + host + " port=" + port + " user=spin password=password dbname=postgres"},
	})
}
