package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"modernc.org/libc"
	engine "modernc.org/sqlite/lib"
)

// The engine is called by its C interface and not through database/sql: that
// makes times of texts in columns of some types, runs all statements of a text,
// and cannot keep statements from other files.

// Bounds of a connection.
const (
	maxLength   = 64 << 20  // bytes of a text, blob or row
	maxResult   = 128 << 20 // bytes of what a statement returns
	maxDatabase = 2 << 30   // bytes of a file
	pageSize    = 4096
	busyMS      = 5000 // to wait for others that write

	interruptEvery = 10 * time.Millisecond

	codeFull = engine.SQLITE_FULL
)

// A connection is one that a guest has opened. It is for one goroutine at a time.
type connection struct {
	tls    *libc.TLS
	db     uintptr
	out    uintptr // room for two pointers
	closed func()
}

const pointer = int(unsafe.Sizeof(uintptr(0)))

func open(ctx context.Context, path string) (*connection, error) {
	c := &connection{tls: libc.NewTLS(), closed: func() {}}
	var err error
	if c.out, err = libc.CString(string(make([]byte, 2*pointer))); err != nil {
		return nil, err
	}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	rc := engine.Xsqlite3_open_v2(c.tls, name, c.out, engine.SQLITE_OPEN_READWRITE|engine.SQLITE_OPEN_CREATE|engine.SQLITE_OPEN_FULLMUTEX, 0)
	c.db = c.pointer(0)
	if rc != engine.SQLITE_OK {
		err := c.fault(rc)
		c.close()
		return nil, err
	}
	engine.Xsqlite3_busy_timeout(c.tls, c.db, busyMS)
	engine.Xsqlite3_limit(c.tls, c.db, engine.SQLITE_LIMIT_LENGTH, maxLength)
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA page_size = %d", pageSize), "PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL",
		fmt.Sprintf("PRAGMA max_page_count = %d", maxDatabase/pageSize),
	} {
		if _, err := c.execute(ctx, pragma, nil); err != nil {
			c.close()
			return nil, err
		}
	}
	c.authorize(authorizer())
	return c, nil
}

func (c *connection) authorize(by uintptr) { engine.Xsqlite3_set_authorizer(c.tls, c.db, by, 0) }

// authorizer returns the address of authorize, as the engine calls it.
func authorizer() uintptr {
	f := struct {
		f func(*libc.TLS, uintptr, int32, uintptr, uintptr, uintptr, uintptr) int32
	}{authorize}
	return *(*uintptr)(unsafe.Pointer(&f))
}

// pragmas that reach beyond the guest's own database, or would lift its bounds.
var denied = []string{
	"temp_store", "temp_store_directory", "data_store_directory", "soft_heap_limit", "hard_heap_limit", "max_page_count", "page_size",
}

// authorize is asked when a statement is compiled. To attach no name at all is
// what VACUUM does.
func authorize(_ *libc.TLS, _ uintptr, action int32, first, second, _, _ uintptr) int32 {
	switch action {
	case engine.SQLITE_ATTACH:
		if libc.GoString(first) != "" {
			return engine.SQLITE_DENY
		}
	case engine.SQLITE_PRAGMA:
		name := libc.GoString(first)
		for _, d := range denied {
			if strings.EqualFold(name, d) && second != 0 {
				return engine.SQLITE_DENY
			}
		}
	}
	return engine.SQLITE_OK
}

// close ends the connection. What was not committed is rolled back.
func (c *connection) close() {
	engine.Xsqlite3_close_v2(c.tls, c.db)
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
	c.closed()
}

// interrupt ends the statement that runs, until done is closed: the engine
// forgets an interrupt that comes before a statement has begun.
func (c *connection) interrupt(done <-chan struct{}) {
	tls := libc.NewTLS() // the connection's is in use
	defer tls.Close()
	again := time.NewTicker(interruptEvery)
	defer again.Stop()
	for {
		engine.Xsqlite3_interrupt(tls, c.db)
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// pointer returns one of the two that the engine has written.
func (c *connection) pointer(i int) uintptr {
	b := libc.GoBytes(c.out, 2*pointer)[i*pointer:]
	if pointer == 4 {
		return uintptr(binary.NativeEndian.Uint32(b))
	}
	return uintptr(binary.NativeEndian.Uint64(b))
}

func (c *connection) fault(rc int32) error {
	return &Error{int(rc & 0xff), libc.GoString(engine.Xsqlite3_errmsg(c.tls, c.db))}
}

// A result is what a statement returns. Values are int64, float64, string,
// []byte and nil.
type result struct {
	columns []string
	rows    [][]any
}

// execute runs one statement. It ends when ctx does.
func (c *connection) execute(ctx context.Context, statement string, args []any) (result, error) {
	if err := ctx.Err(); err != nil {
		return result{}, context.Cause(ctx)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(ended); c.interrupt(done) })
	defer func() {
		close(done)
		if !stop() {
			<-ended
		}
	}()
	stmt, err := c.prepare(statement)
	if err != nil || stmt == 0 {
		return result{}, err
	}
	r, err := c.run(stmt, args)
	if rc := engine.Xsqlite3_finalize(c.tls, stmt); rc != engine.SQLITE_OK && err == nil {
		err = c.fault(rc)
	}
	return r, err
}

// prepare compiles a text of one statement; 0 is for a text that has none.
func (c *connection) prepare(text string) (stmt uintptr, err error) {
	if strings.Contains(text, "\x00") {
		return 0, &Error{engine.SQLITE_ERROR, "statement has a zero byte"}
	}
	p, err := libc.CString(text)
	if err != nil {
		return 0, err
	}
	defer libc.Xfree(c.tls, p)
	if rc := engine.Xsqlite3_prepare_v2(c.tls, c.db, p, -1, c.out, c.out+uintptr(pointer)); rc != engine.SQLITE_OK {
		return 0, c.fault(rc)
	}
	stmt, tail := c.pointer(0), c.pointer(1)
	rc := engine.Xsqlite3_prepare_v2(c.tls, c.db, tail, -1, c.out, 0)
	second := c.pointer(0)
	if rc == engine.SQLITE_OK && second == 0 {
		return stmt, nil
	}
	if rc == engine.SQLITE_OK {
		engine.Xsqlite3_finalize(c.tls, second)
	}
	engine.Xsqlite3_finalize(c.tls, stmt)
	return 0, &Error{engine.SQLITE_ERROR, "only one statement can be executed at a time"}
}

func (c *connection) run(stmt uintptr, args []any) (r result, err error) {
	free, err := c.bind(stmt, args)
	defer free()
	if err != nil {
		return r, err
	}
	for i := range engine.Xsqlite3_column_count(c.tls, stmt) {
		r.columns = append(r.columns, libc.GoString(engine.Xsqlite3_column_name(c.tls, stmt, i)))
	}
	for total := 0; ; {
		switch rc := engine.Xsqlite3_step(c.tls, stmt); rc {
		case engine.SQLITE_DONE:
			return r, nil
		case engine.SQLITE_ROW:
		default:
			return r, c.fault(rc)
		}
		row := make([]any, len(r.columns))
		for i := range row {
			var n int
			row[i], n = c.column(stmt, int32(i))
			total += n
		}
		if total > maxResult {
			return r, &Error{engine.SQLITE_TOOBIG, fmt.Sprintf("query result exceeds limit of %d bytes", maxResult)}
		}
		r.rows = append(r.rows, row)
	}
}

// bind gives the statement its parameters. What they are kept in is freed when
// the statement has run.
func (c *connection) bind(stmt uintptr, args []any) (free func(), err error) {
	var kept []uintptr
	free = func() {
		engine.Xsqlite3_clear_bindings(c.tls, stmt)
		for _, p := range kept {
			libc.Xfree(c.tls, p)
		}
	}
	if n := int(engine.Xsqlite3_bind_parameter_count(c.tls, stmt)); n != len(args) {
		return free, &Error{engine.SQLITE_RANGE, fmt.Sprintf("statement has %d parameters, %d are given", n, len(args))}
	}
	for i, arg := range args {
		at, rc := int32(i+1), int32(engine.SQLITE_OK)
		switch v := arg.(type) {
		case int64:
			rc = engine.Xsqlite3_bind_int64(c.tls, stmt, at, v)
		case float64:
			rc = engine.Xsqlite3_bind_double(c.tls, stmt, at, v)
		case string:
			p, err := libc.CString(v)
			if err != nil {
				return free, err
			}
			kept = append(kept, p)
			rc = engine.Xsqlite3_bind_text(c.tls, stmt, at, p, int32(len(v)), 0)
		case []byte:
			p, err := libc.CString(string(v))
			if err != nil {
				return free, err
			}
			kept = append(kept, p)
			rc = engine.Xsqlite3_bind_blob(c.tls, stmt, at, p, int32(len(v)), 0)
		default:
			rc = engine.Xsqlite3_bind_null(c.tls, stmt, at)
		}
		if rc != engine.SQLITE_OK {
			return free, c.fault(rc)
		}
	}
	return free, nil
}

// column returns a value of the row and about how much memory it takes.
func (c *connection) column(stmt uintptr, i int32) (v any, size int) {
	const word = 32
	bytes := func(p uintptr) []byte {
		n := int(engine.Xsqlite3_column_bytes(c.tls, stmt, i))
		if p == 0 || n == 0 {
			return []byte{}
		}
		return append(make([]byte, 0, n), libc.GoBytes(p, n)...)
	}
	switch engine.Xsqlite3_column_type(c.tls, stmt, i) {
	case engine.SQLITE_INTEGER:
		return engine.Xsqlite3_column_int64(c.tls, stmt, i), word
	case engine.SQLITE_FLOAT:
		return engine.Xsqlite3_column_double(c.tls, stmt, i), word
	case engine.SQLITE_TEXT:
		b := bytes(engine.Xsqlite3_column_text(c.tls, stmt, i))
		return unsafe.String(unsafe.SliceData(b), len(b)), word + len(b)
	case engine.SQLITE_BLOB:
		b := bytes(engine.Xsqlite3_column_blob(c.tls, stmt, i))
		return b, word + len(b)
	}
	return nil, word
}

// lastInsert returns the rowid of the last row that was inserted.
func (c *connection) lastInsert() int64 { return engine.Xsqlite3_last_insert_rowid(c.tls, c.db) }

// changes returns how many rows the last statement that wrote has changed.
func (c *connection) changes() uint64 { return uint64(engine.Xsqlite3_changes64(c.tls, c.db)) }
