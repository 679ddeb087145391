package mqtt

import (
	"bufio"
	"errors"
	"strings"
	"testing"
)

func TestParseAddress(t *testing.T) {
	tests := map[string]address{
		"mqtt://h?client_id=a":                  {scheme: "mqtt", host: "h", port: 1883, clientID: "a"},
		"mqtt://u:p@h:7?client_id=a%20b":        {scheme: "mqtt", host: "h", port: 7, clientID: "a b"},
		"mqtts://[::1]?client_id=a":             {scheme: "mqtts", host: "::1", port: 8883, tls: true, clientID: "a"},
		"tcp://h?client_id=a&keep_alive_secs=5": {scheme: "tcp", host: "h", port: 1883, clientID: "a"},
	}
	for text, want := range tests {
		if got, err := parseAddress(text); err != nil || got != want {
			t.Errorf("%s = %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": errUnreadable, "h:1": errUnreadable, "mqtt://": errUnreadable, "mqtt://h:0?client_id=a": errUnreadable, "mqtt://%zz": errUnreadable,
		"mqtt://h": errAddress, "mqtt://h?client_id=": errAddress, "ws://h?client_id=a": errAddress, "mqtt://h?client_id=a&x=y": errAddress,
		"mqtt://h?client_id=" + strings.Repeat("a", maxText+1): errAddress,
	} {
		if got, err := parseAddress(text); !errors.Is(err, want) {
			t.Errorf("%.100s = %+v, %v; want %v", text, got, err, want)
		}
	}
}

// What a broker sends is a packet of bounded size, or an error.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"\x20\x02\x00\x00", "\x40\x02\x00\x01", "\x30\xff\xff\xff\x7f", "\x30\x80\x80\x80\x80\x01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c := &client{in: bufio.NewReader(strings.NewReader(text))}
		for {
			_, body, err := c.read()
			if err != nil {
				return
			}
			if len(body) > maxAnswer {
				t.Errorf("%d bytes", len(body))
			}
		}
	})
}
