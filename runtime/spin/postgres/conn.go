package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/neutrino-local/neutrino-local/runtime/spin/conns"
)

// maxResult bounds what a query returns.
const maxResult = 128 << 20

var errTooLarge = fmt.Errorf("query result exceeds limit of %d bytes", maxResult)

// A client is a connection to a server.
type client struct {
	pg     *pgconn.PgConn
	broken bool
	names  map[uint32]string // of types that this database has by itself
}

// dial connects to the first host that lets us.
func dial(ctx context.Context, n conns.Network, a address, roots *x509.CertPool) (*client, error) {
	if a.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.timeout)
		defer cancel()
	}
	var errs []error
	for _, h := range a.hosts {
		cfg, err := config(n, a, h, roots)
		if err != nil {
			return nil, err
		}
		pg, err := pgconn.ConnectConfig(ctx, cfg)
		if err == nil {
			return &client{pg: pg}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// config is the driver's configuration: nothing of it comes from the environment.
func config(n conns.Network, a address, h host, roots *x509.CertPool) (*pgconn.Config, error) {
	cfg, err := pgconn.ParseConfig("host=localhost user=nobody password=none dbname=none passfile='' sslmode=disable target_session_attrs=any")
	if err != nil {
		return nil, err
	}
	cfg.Host, cfg.Port, cfg.User, cfg.Password, cfg.Database = h.name, h.number(), a.user, a.password, a.database
	cfg.RuntimeParams, cfg.Fallbacks, cfg.TLSConfig, cfg.ConnectTimeout = a.params, nil, nil, 0
	cfg.ValidateConnect, cfg.AfterConnect = nil, nil
	cfg.MaxProtocolMessageBodyLen = maxResult
	cfg.LookupFunc = func(_ context.Context, name string) ([]string, error) { return []string{name}, nil }
	to := net.JoinHostPort(h.name, strconv.Itoa(int(h.number())))
	cfg.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := n.Dial(ctx, "tcp", to)
		if err != nil {
			return nil, err
		}
		over, err := secure(ctx, conn, a.tls, &tls.Config{ServerName: h.name, RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err != nil {
			conn.Close()
			return nil, err
		}
		return over, nil
	}
	if a.writable {
		cfg.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return cfg, nil
}

func (c *client) close() { c.pg.Conn().Close() }

// reusable reports whether a next guest may have c.
func (c *client) reusable() bool { return !c.broken && !c.pg.IsClosed() && c.pg.TxStatus() == 'I' }

// renew makes the session one that has just begun.
func (c *client) renew(ctx context.Context) error {
	_, err := c.pg.Exec(ctx, "DISCARD ALL").ReadAll()
	return err
}

// A column is what a query has one of in each row.
type column struct {
	name string
	kind kind
	oid  uint32
}

// A rowSet is what a query returns. Spin learns of columns by the first row, and
// so there are none where there is no row.
type rowSet struct {
	columns []column
	rows    [][]value
}

// prepare has the server parse a statement, and encodes parameters for it.
func (c *client) prepare(ctx context.Context, statement string, params []value) (values [][]byte, formats []int16, err error) {
	if c.broken {
		return nil, nil, queryError(errors.New("connection closed"))
	}
	texts, err := encodeAll(params)
	if err != nil {
		return nil, nil, err
	}
	d, err := c.pg.Prepare(ctx, "", statement, nil)
	if err != nil {
		return nil, nil, queryError(err)
	}
	if len(d.ParamOIDs) != len(params) {
		return nil, nil, queryError(fmt.Errorf("expected %d parameters but got %d", len(d.ParamOIDs), len(params)))
	}
	formats = make([]int16, len(params))
	for i, p := range params {
		if !accepts(p.kind, d.ParamOIDs[i]) {
			return nil, nil, queryError(fmt.Errorf("error serializing parameter %d: cannot convert %s to the Postgres type `%s`",
				i, p.kind, typeName(d.ParamOIDs[i])))
		}
		if p.kind == kindBinary || p.kind == kindInt8 {
			formats[i] = pgtype.BinaryFormatCode
		}
	}
	return texts, formats, nil
}

// execute runs a statement and returns how many rows it was about.
func (c *client) execute(ctx context.Context, statement string, params []value) (uint64, error) {
	values, formats, err := c.prepare(ctx, statement, params)
	if err != nil {
		return 0, err
	}
	r := c.pg.ExecPrepared(ctx, "", values, formats, []int16{pgtype.BinaryFormatCode})
	size := 0
	for r.NextRow() { // an INSERT … RETURNING may have some
		if size += rowSize(r.Values()); size > maxResult {
			c.stop(r)
			return 0, queryError(errTooLarge)
		}
	}
	tag, err := r.Close()
	if err != nil {
		return 0, queryError(err)
	}
	return uint64(tag.RowsAffected()), nil
}

// query runs a statement and returns its rows.
func (c *client) query(ctx context.Context, statement string, params []value) (rowSet, error) {
	values, formats, err := c.prepare(ctx, statement, params)
	if err != nil {
		return rowSet{}, err
	}
	r := c.pg.ExecPrepared(ctx, "", values, formats, []int16{pgtype.BinaryFormatCode})
	var set rowSet
	size := 0
	for r.NextRow() {
		if size += rowSize(r.Values()); size > maxResult {
			c.stop(r)
			return rowSet{}, queryError(errTooLarge)
		}
		if set.columns == nil {
			for _, f := range r.FieldDescriptions() {
				set.columns = append(set.columns, column{f.Name, kindOf(f.DataTypeOID), f.DataTypeOID})
			}
		}
		row := make([]value, len(set.columns))
		for i, b := range r.Values() {
			if row[i], err = decode(set.columns[i].kind, b); err != nil {
				c.stop(r)
				return rowSet{}, queryError(fmt.Errorf("error deserializing column %d: %w", i, err))
			}
			if elements, ok := row[i].v.([]any); ok {
				size += valueSize * len(elements)
			}
		}
		set.rows = append(set.rows, row)
	}
	if _, err := r.Close(); err != nil {
		return rowSet{}, queryError(err)
	}
	return set, nil
}

// valueSize is what a value costs us beside its bytes, about.
const valueSize = 64

func rowSize(values [][]byte) int {
	size := valueSize
	for _, v := range values {
		size += valueSize + len(v)
	}
	return size
}

// stop ends a result that is not read to its end, and the connection with it.
func (c *client) stop(r *pgconn.ResultReader) {
	c.broken = true
	c.close()
	r.Close()
}

// typeName returns the name of a type that every database has.
func typeName(oid uint32) string {
	if t, ok := builtin.TypeForOID(oid); ok {
		return t.Name
	}
	return strconv.Itoa(int(oid))
}

// name is typeName, for a type of this database by its catalogue.
func (c *client) name(ctx context.Context, oid uint32) string {
	if t, ok := builtin.TypeForOID(oid); ok {
		return t.Name
	}
	if c.names == nil {
		c.names = map[uint32]string{}
	}
	if _, ok := c.names[oid]; !ok && !c.broken {
		r := c.pg.ExecParams(ctx, "SELECT typname FROM pg_catalog.pg_type WHERE oid = "+strconv.Itoa(int(oid)), nil, nil, nil, nil).Read()
		if r.Err == nil && len(r.Rows) == 1 {
			c.names[oid] = string(r.Rows[0][0])
		}
	}
	if name := c.names[oid]; name != "" {
		return name
	}
	return strconv.Itoa(int(oid))
}

// builtin has the types that every database has. It is only read.
var builtin = pgtype.NewMap()
