package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-sql-driver/mysql"

	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

const (
	maxResult = 128 << 20 // bytes of what a statement is answered with
	valueSize = 64        // what a value costs us beside its bytes, about
	fresh     = time.Second
)

var errTooLarge = fmt.Errorf("query result exceeds limit of %d bytes", maxResult)

// A meter bounds what is read of a connection: the driver keeps what the server
// sends as one packet, which may be any number of them.
type meter struct {
	net.Conn
	left int // bytes, for the statement under way
}

func (m *meter) Read(b []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLarge
	}
	n, err := m.Conn.Read(b[:min(len(b), m.left)])
	m.left -= n
	return n, err
}

// A client is a connection to a server.
type client struct {
	conn    driver.Conn
	meter   *meter
	broken  bool
	changed bool // a statement may have changed what later ones mean
	used    time.Time
}

type discard struct{}

func (discard) Print(...any) {}

// dial connects to a server and logs in.
func dial(ctx context.Context, n conns.Network, a address) (c *client, err error) {
	to := net.JoinHostPort(a.host, strconv.Itoa(int(a.port)))
	c = new(client)
	cfg := mysql.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.Passwd, cfg.DBName, cfg.Logger, cfg.CheckConnLiveness = "tcp", to, a.user, a.password, a.database, discard{}, false
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := n.Dial(ctx, "tcp", to)
		if err != nil {
			return nil, err
		}
		c.meter = &meter{conn, maxResult}
		return c.meter, nil
	}
	if a.tls {
		cfg.TLS = &tls.Config{ServerName: a.host, RootCAs: n.Roots, MinVersion: tls.VersionTLS12}
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	defer c.guard(&err)
	c.conn, err = connector.Connect(ctx)
	return c, err
}

// guard makes an error of a panic of the driver, which trusts servers.
func (c *client) guard(err *error) {
	if p := recover(); p != nil {
		c.broken = true
		if c.meter != nil {
			c.meter.Close()
		}
		*err = errors.New("the server does not speak MySQL's protocol")
	}
}

// close says goodbye, and does not wait for long until that is heard.
func (c *client) close() {
	c.meter.SetDeadline(time.Now().Add(time.Second))
	c.conn.Close()
	c.meter.Close()
}

// renew asks the server whether it is still there, if c was not used just now.
func (c *client) renew(ctx context.Context) (err error) {
	if time.Since(c.used) < fresh {
		return nil
	}
	defer c.guard(&err)
	c.meter.left = maxResult
	return c.conn.(driver.Pinger).Ping(ctx)
}

// keeping are the first words of statements that leave the session as it was,
// unless they have a word of changing in them.
const keeping = " ALTER CREATE DELETE DESC DESCRIBE DROP EXPLAIN INSERT REPLACE SELECT SHOW TRUNCATE UPDATE WITH "

var changing = []string{"@", "LOCK", "TEMPORARY", "LAST_INSERT_ID"}

// keeps reports whether a statement is sure to leave the session as it was.
func keeps(statement string) bool {
	upper := strings.ToUpper(statement)
	word, _, _ := strings.Cut(strings.TrimLeft(upper, " \t\r\n("), " ")
	if word == "" || !strings.Contains(keeping, " "+strings.TrimSpace(word)+" ") {
		return false
	}
	for _, w := range changing {
		if strings.Contains(upper, w) {
			return false
		}
	}
	return true
}

// begin prepares a statement.
func (c *client) begin(ctx context.Context, statement string) (driver.Stmt, error) {
	if c.broken {
		return nil, &Error{queryFailed, "connection closed"}
	}
	c.changed = c.changed || !keeps(statement)
	c.meter.left = maxResult
	stmt, err := c.conn.(driver.ConnPrepareContext).PrepareContext(ctx, statement)
	if err != nil {
		return nil, c.failed(queryFailed, err)
	}
	return stmt, nil
}

// failed is err of a statement. One that the server did not send is the end of
// the connection.
func (c *client) failed(of int, err error) error {
	c.used = time.Now()
	if c.meter.left <= 0 {
		c.broken = true
		return &Error{otherError, errTooLarge.Error()}
	}
	if _, ok := errors.AsType[*mysql.MySQLError](err); !ok {
		c.broken = true
	}
	return &Error{of, err.Error()}
}

func (c *client) execute(ctx context.Context, statement string, params []driver.NamedValue) (err error) {
	defer c.guard(&err)
	stmt, err := c.begin(ctx, statement)
	if err != nil {
		return err
	}
	if n := stmt.NumInput(); n != len(params) {
		stmt.Close()
		return &Error{queryFailed, fmt.Sprintf("statement takes %d parameters but %d were supplied", n, len(params))}
	}
	_, err = stmt.(driver.StmtExecContext).ExecContext(ctx, params)
	if err != nil {
		err = c.failed(queryFailed, err)
	}
	if !c.broken {
		stmt.Close()
	}
	c.used = time.Now()
	return err
}

// A rowSet is what a query returns. Its values are nil, int64, uint64, float32,
// float64, string or []byte, by the kind of their column.
type rowSet struct {
	columns []column
	rows    [][]any
}

type column struct {
	name string
	kind kind
}

func (c *client) query(ctx context.Context, statement string, params []driver.NamedValue) (set rowSet, err error) {
	defer c.guard(&err)
	stmt, err := c.begin(ctx, statement)
	if err != nil {
		return rowSet{}, err
	}
	if n := stmt.NumInput(); n != len(params) {
		stmt.Close()
		return rowSet{}, &Error{queryFailed, fmt.Sprintf("statement takes %d parameters but %d were supplied", n, len(params))}
	}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, params)
	if err != nil {
		err = c.failed(queryFailed, err)
	} else {
		if set, err = c.read(rows); c.broken {
			c.meter.Close()
		}
		rows.Close() // reads to the end, or to that of what it may
		c.broken = c.broken || c.meter.left <= 0
		c.used = time.Now()
	}
	if !c.broken {
		stmt.Close()
	}
	return set, err
}

func (c *client) read(rows driver.Rows) (rowSet, error) {
	var set rowSet
	for i, name := range rows.Columns() {
		set.columns = append(set.columns, column{name, kindOf(rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(i))})
	}
	if len(set.columns) == 0 {
		return rowSet{}, &Error{otherError, "unable to stream query result"}
	}
	size := 0
	row := make([]driver.Value, len(set.columns))
	for {
		if err := rows.Next(row); err == io.EOF {
			return set, nil
		} else if err != nil {
			return rowSet{}, c.failed(otherError, err)
		}
		values := make([]any, len(row))
		for i, v := range row {
			var err error
			if values[i], err = convert(v, set.columns[i]); err != nil {
				return rowSet{}, err
			}
			size += valueSize
			if b, ok := v.([]byte); ok {
				size += len(b)
			}
		}
		if size += valueSize; size > maxResult {
			c.broken = true
			return rowSet{}, &Error{otherError, errTooLarge.Error()}
		}
		set.rows = append(set.rows, values)
	}
}

// convert returns the driver's value as one of a column.
func convert(v driver.Value, col column) (any, error) {
	wrong := &Error{conversionFailed, fmt.Sprintf("Cannot convert value in column %.100s data type %s", col.name, col.kind)}
	if v == nil {
		return nil, nil
	}
	switch col.kind {
	case kindInt8, kindInt16, kindInt32, kindInt64, kindUint8, kindUint16, kindUint32, kindUint64:
		return integer(v, col.kind, wrong)
	case kindFloat32:
		if f, ok := v.(float32); ok {
			return f, nil
		}
	case kindFloat64:
		if f, ok := v.(float64); ok {
			return f, nil
		}
	case kindString:
		if b, ok := v.([]byte); ok && utf8.Valid(b) {
			return string(b), nil
		}
	case kindBinary:
		if b, ok := v.([]byte); ok {
			return append([]byte{}, b...), nil
		}
	}
	return nil, wrong
}

// integer returns an int64 or a uint64. The driver has large ones as text.
func integer(v driver.Value, k kind, wrong error) (any, error) {
	unsigned := k == kindUint8 || k == kindUint16 || k == kindUint32 || k == kindUint64
	switch n := v.(type) {
	case int64:
		if unsigned && n >= 0 {
			return uint64(n), nil
		} else if !unsigned {
			return n, nil
		}
	case uint64:
		if unsigned {
			return n, nil
		} else if n <= math.MaxInt64 {
			return int64(n), nil
		}
	case []byte:
		if u, err := strconv.ParseUint(string(n), 10, 64); err == nil && unsigned {
			return u, nil
		}
	}
	return nil, wrong
}
