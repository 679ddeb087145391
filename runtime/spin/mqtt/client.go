package mqtt

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// Kinds of packets, as their first bytes.
const (
	packetConnect    = 0x10
	packetConnected  = 0x20
	packetPublish    = 0x30
	packetAck        = 0x40
	packetReceived   = 0x50
	packetRelease    = 0x62
	packetComplete   = 0x70
	packetDisconnect = 0xe0
)

const (
	maxText   = 1<<16 - 1 // bytes of a text in a packet
	maxPacket = 1<<28 - 1 // bytes of a packet behind its length
	maxAnswer = 10 << 10  // bytes of one that a server sends: all that we await have two to four
)

// Flags of a connection.
const (
	cleanSession = 0x02
	withPassword = 0x40
	withUser     = 0x80
)

// A client publishes messages by MQTT 3.1.1. It connects when there is something
// to be sent, and again if it could not have kept the connection alive.
type client struct {
	network        conns.Network
	address        address
	user, password string
	keepAlive      uint16 // seconds; 0: for ever

	conn net.Conn // nil: not connected
	in   *bufio.Reader
	used time.Time
	last uint16 // packet
}

// publish sends a message and returns when the server has what the quality of
// service demands.
func (c *client) publish(ctx context.Context, topic string, payload []byte, qos int) error {
	if c.conn != nil && c.keepAlive > 0 && time.Since(c.used) > time.Duration(c.keepAlive)*time.Second {
		c.close()
	}
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	return c.within(ctx, func() error { return c.send(topic, payload, qos) })
}

// within ends what uses the connection with ctx, and an error ends the connection.
func (c *client) within(ctx context.Context, f func() error) error {
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	err := f()
	if !stop() || err != nil {
		conn.Close()
		c.conn = nil
	}
	c.used = time.Now()
	return err
}

func (c *client) connect(ctx context.Context) error {
	conn, err := c.network.Dial(ctx, "tcp", net.JoinHostPort(c.address.host, strconv.Itoa(int(c.address.port))))
	if err != nil {
		return err
	}
	if c.address.tls {
		conn = tls.Client(conn, &tls.Config{ServerName: c.address.host, RootCAs: c.network.Roots, MinVersion: tls.VersionTLS12})
	}
	c.conn, c.in, c.last = conn, bufio.NewReader(conn), 0
	return c.within(ctx, c.greet)
}

// greet logs in.
func (c *client) greet() error {
	flags := byte(cleanSession)
	if c.user != "" {
		flags |= withUser
	}
	if c.user != "" && c.password != "" {
		flags |= withPassword
	}
	body := append(appendText(nil, "MQTT"), 4, flags)
	body = appendText(binary.BigEndian.AppendUint16(body, c.keepAlive), c.address.clientID)
	if flags&withUser != 0 {
		body = appendText(body, c.user)
	}
	if flags&withPassword != 0 {
		body = appendText(body, c.password)
	}
	if err := c.write(packetConnect, body, nil); err != nil {
		return err
	}
	kind, answer, err := c.read()
	switch {
	case err != nil:
		return err
	case kind != packetConnected || len(answer) != 2:
		return errProtocol
	case answer[1] != 0:
		return fmt.Errorf("connection refused, return code: %s", refusal(answer[1]))
	}
	return nil
}

func refusal(code byte) string {
	names := [...]string{"", "RefusedProtocolVersion", "BadClientId", "ServiceUnavailable", "BadUserNamePassword", "NotAuthorized"}
	if int(code) < len(names) {
		return names[code]
	}
	return strconv.Itoa(int(code))
}

func (c *client) send(topic string, payload []byte, qos int) error {
	head := appendText(nil, topic)
	if qos == 0 {
		return c.write(packetPublish, head, payload)
	}
	if c.last++; c.last == 0 {
		c.last = 1
	}
	head = binary.BigEndian.AppendUint16(head, c.last)
	if err := c.write(packetPublish|byte(qos<<1), head, payload); err != nil {
		return err
	}
	if qos == 1 {
		return c.await(packetAck)
	}
	if err := c.await(packetReceived); err != nil {
		return err
	}
	if err := c.write(packetRelease, binary.BigEndian.AppendUint16(nil, c.last), nil); err != nil {
		return err
	}
	return c.await(packetComplete)
}

// await reads up to the answer of a kind to the last packet.
func (c *client) await(want byte) error {
	for {
		kind, body, err := c.read()
		if err != nil {
			return err
		}
		if kind == want && len(body) == 2 && binary.BigEndian.Uint16(body) == c.last {
			return nil
		}
	}
}

// write sends a packet of two parts.
func (c *client) write(kind byte, head, body []byte) error {
	n := len(head) + len(body)
	if n > maxPacket {
		return fmt.Errorf("a packet of %d bytes is too large: limit %d", n, maxPacket)
	}
	packet := []byte{kind}
	for {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			digit |= 0x80
		}
		if packet = append(packet, digit); n == 0 {
			break
		}
	}
	buffers := net.Buffers{append(packet, head...), body}
	_, err := buffers.WriteTo(c.conn)
	return err
}

var errProtocol = errors.New("the server does not speak MQTT")

// read reads a packet and returns its first byte and what is behind its length.
func (c *client) read() (byte, []byte, error) {
	kind, err := c.in.ReadByte()
	if err != nil {
		return 0, nil, unexpected(err)
	}
	n := 0
	for shift := 0; ; shift += 7 {
		digit, err := c.in.ReadByte()
		if err != nil {
			return 0, nil, unexpected(err)
		}
		n |= int(digit&0x7f) << shift
		if digit&0x80 == 0 {
			break
		}
		if shift == 21 {
			return 0, nil, errProtocol
		}
	}
	if n > maxAnswer {
		return 0, nil, errProtocol
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return kind, body, unexpected(err)
}

// unexpected is err of a packet that did not come to its end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("connection closed by peer")
	}
	return err
}

// close says goodbye, and does not wait for long until that is heard.
func (c *client) close() {
	if c.conn == nil {
		return
	}
	c.conn.SetDeadline(time.Now().Add(time.Second))
	c.write(packetDisconnect, nil, nil)
	c.conn.Close()
	c.conn = nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}
