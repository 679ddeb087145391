package postgres

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"time"
)

var errRefused = errors.New("server refused TLS connection")

// secure asks the server at the other end of conn for TLS. A server that has none
// is used without, if the address leaves it open; one whose certificate is not
// good is not used at all. The driver would go on without in both cases.
func secure(ctx context.Context, conn net.Conn, mode string, cfg *tls.Config) (net.Conn, error) {
	if mode == "disable" {
		return conn, nil
	}
	answer := make([]byte, 1) // and no more: what follows is TLS
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	_, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	if err == nil {
		_, err = io.ReadFull(conn, answer)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	switch {
	case err != nil:
		return nil, err
	case answer[0] == 'S':
		over := tls.Client(conn, cfg)
		return over, over.HandshakeContext(ctx)
	case answer[0] == 'N' && mode == "prefer":
		return conn, nil
	}
	return nil, errRefused
}
