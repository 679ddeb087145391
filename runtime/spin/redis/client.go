package redis

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"time"
)

// Bounds of a reply.
const (
	maxReply = 128 << 20 // bytes, each part of it counting leafSize at least
	maxLine  = 64 << 10  // bytes of a line
	maxDepth = 32        // arrays in arrays
	leafSize = 64        // what a part costs us, about
	chunk    = 64 << 10  // what is allocated before it has come
)

// A client speaks RESP 2 with a server. It is for one goroutine at a time.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	broken  bool // replies are out of step with commands, or there are none
	changed bool // a command has changed what later ones mean
	used    time.Time
}

func newClient(conn net.Conn) *client {
	return &client{conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}
}

func (c *client) close() { c.conn.Close() }

// fresh is for how long a connection that was in order is taken to be so still.
const fresh = time.Second

// renew asks the server whether it is still there, if c was not used just now.
func (c *client) renew(ctx context.Context) error {
	if time.Since(c.used) < fresh {
		return nil
	}
	_, err := c.do(ctx, command("PING"))
	return err
}

// A serverError is a reply that says so.
type serverError string

func (e serverError) Error() string { return string(e) }

// Kinds of parts of a reply.
type kind byte

const (
	null kind = iota
	status
	integer
	binary
)

// A leaf is a part of a reply that is no array.
type leaf struct {
	kind kind
	n    int64
	b    []byte
}

// do sends a command and returns the parts of its reply, in order, without the
// arrays that they are in. An error that is no serverError breaks c.
func (c *client) do(ctx context.Context, parts [][]byte) ([]leaf, error) {
	if c.broken {
		return nil, errors.New("the connection is broken")
	}
	stop := context.AfterFunc(ctx, func() { c.conn.SetDeadline(time.Unix(1, 0)) })
	reply, err := c.exchange(parts)
	if !stop() { // the deadline is or will be set
		c.broken = true
	}
	if _, ok := errors.AsType[serverError](err); err != nil && !ok {
		c.broken = true
	}
	c.used = time.Now()
	return reply, err
}

func (c *client) exchange(parts [][]byte) ([]leaf, error) {
	fmt.Fprintf(c.out, "*%d\r\n", len(parts))
	for _, p := range parts {
		fmt.Fprintf(c.out, "$%d\r\n", len(p))
		c.out.Write(p)
		c.out.WriteString("\r\n")
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	r := reader{in: c.in, left: maxReply}
	if err := r.value(0); err != nil {
		return nil, err
	}
	if r.failed != "" {
		return nil, r.failed
	}
	return r.leaves, nil
}

// A reader reads one reply.
type reader struct {
	in     *bufio.Reader
	left   int // bytes that it may still have
	leaves []leaf
	failed serverError // the first in it
}

var errTooLarge = fmt.Errorf("query result exceeds limit of %d bytes", maxReply)

// spend takes n bytes from what is left.
func (r *reader) spend(n int64) error {
	if n > int64(r.left) {
		return errTooLarge
	}
	r.left -= int(n)
	return nil
}

func (r *reader) add(l leaf) { r.leaves = append(r.leaves, l) }

// value reads a value that is depth arrays deep.
func (r *reader) value(depth int) error {
	line, err := r.line()
	if err != nil {
		return err
	}
	if err := r.spend(int64(leafSize + len(line))); err != nil {
		return err
	}
	if len(line) == 0 {
		return errProtocol(line)
	}
	switch rest := line[1:]; line[0] {
	case '+':
		r.add(leaf{kind: status, b: bytes.Clone(rest)})
	case '-':
		if r.failed == "" {
			r.failed = serverError("ERR")
			if len(rest) > 0 {
				r.failed = serverError(rest)
			}
		}
	case ':':
		n, err := strconv.ParseInt(string(rest), 10, 64)
		if err != nil {
			return errProtocol(line)
		}
		r.add(leaf{kind: integer, n: n})
	case '$':
		return r.bulk(line)
	case '*':
		return r.array(line, depth)
	default:
		return errProtocol(line)
	}
	return nil
}

// bulk reads a binary string, the line of whose length is read.
func (r *reader) bulk(line []byte) error {
	n, err := length(line)
	if err != nil || n < 0 {
		r.add(leaf{kind: null})
		return err
	}
	if err := r.spend(n); err != nil {
		return err
	}
	var b bytes.Buffer
	b.Grow(int(min(n, chunk)))
	if _, err := io.CopyN(&b, r.in, n); err != nil {
		return unexpected(err)
	}
	if end, err := r.line(); err != nil || len(end) != 0 {
		return errors.Join(errProtocol(end), err)
	}
	r.add(leaf{kind: binary, b: b.Bytes()})
	return nil
}

// array reads the elements of an array.
func (r *reader) array(line []byte, depth int) error {
	n, err := length(line)
	if err != nil {
		return err
	}
	if n < 0 {
		r.add(leaf{kind: null})
		return nil
	}
	if depth == maxDepth {
		return errors.New("the server's reply is nested too deeply")
	}
	for ; n > 0; n-- {
		if err := r.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// length returns the length that a line has; -1 is none.
func length(line []byte) (int64, error) {
	n, err := strconv.ParseInt(string(line[1:]), 10, 64)
	if err != nil || n < -1 || n > math.MaxInt32 {
		return 0, errProtocol(line)
	}
	return n, nil
}

// line reads a line, and returns it without its end. It is good until the next
// read.
func (r *reader) line() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = r.longLine(line)
	}
	if err != nil {
		return nil, unexpected(err)
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return nil, errProtocol(line)
	}
	return line[:len(line)-2], nil
}

func (r *reader) longLine(begin []byte) ([]byte, error) {
	line := bytes.Clone(begin)
	for {
		more, err := r.in.ReadSlice('\n')
		if line = append(line, more...); len(line) > maxLine {
			return nil, errors.New("the server's reply has a line that is too long")
		}
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

func errProtocol(line []byte) error {
	return fmt.Errorf("the server does not speak Redis's protocol: %.100q", line)
}

// unexpected is err of a reply that did not come to its end.
func unexpected(err error) error {
	if err == io.EOF {
		return errors.New("the server has closed the connection")
	}
	return err
}
