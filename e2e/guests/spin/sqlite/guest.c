// Uses databases through each of the interfaces that have them. N is 1 for
// fermyon:spin/sqlite, 2 for fermyon:spin/sqlite@2.0.0, 3 for spin:sqlite.
//
//	/conformance         the checks of Spin's own suite: 200 without a body
//	/no-permission       opens "default" and replies as that suite wants
//	/check/N             every kind of value and of error
//	/open/NAME           opens a database, by each interface
//	/run/STATEMENT       one statement on "default", '+' for blanks; replies with rows
#include "reply.h"

typedef fermyon_spin_2_0_0_sqlite_error_t error_t;
typedef fermyon_spin_2_0_0_sqlite_value_t value_t;
typedef fermyon_spin_2_0_0_sqlite_list_value_t values_t;
typedef fermyon_spin_2_0_0_sqlite_query_result_t result_t;

// The three have the same types under different names, and a connection is one
// word in each.
typedef struct {
	int version;
	int32_t handle;
} connection_t;

static const char *errors[] = {"no-such-database", "access-denied", "invalid-connection", "database-full", "io"};
enum { ACCESS_DENIED = 1, INVALID_CONNECTION = 2, IO = 4 };
enum { INTEGER, REAL, TEXT, BLOB, NONE };

static bool open_database(int version, const char *label, connection_t *c, error_t *e) {
	guest_string_t name = str(label);
	c->version = version;
	switch (version) {
	case 1:
		return fermyon_spin_sqlite_open(&name, (uint32_t *)&c->handle, (fermyon_spin_sqlite_error_t *)e);
	case 2:
		return fermyon_spin_2_0_0_sqlite_static_connection_open(&name, (fermyon_spin_2_0_0_sqlite_own_connection_t *)&c->handle, e);
	}
	return spin_sqlite_sqlite_static_connection_open(&name, (spin_sqlite_sqlite_own_connection_t *)&c->handle, (spin_sqlite_sqlite_error_t *)e);
}

static bool execute(connection_t c, const char *text, values_t args, result_t *r, error_t *e) {
	guest_string_t statement = str(text);
	switch (c.version) {
	case 1:
		return fermyon_spin_sqlite_execute(c.handle, &statement, (fermyon_spin_sqlite_list_value_t *)&args,
			(fermyon_spin_sqlite_query_result_t *)r, (fermyon_spin_sqlite_error_t *)e);
	case 2:
		return fermyon_spin_2_0_0_sqlite_method_connection_execute((fermyon_spin_2_0_0_sqlite_borrow_connection_t){c.handle}, &statement, &args, r, e);
	}
	return spin_sqlite_sqlite_method_connection_execute((spin_sqlite_sqlite_borrow_connection_t){c.handle}, &statement,
		(spin_sqlite_sqlite_list_value_t *)&args, (spin_sqlite_sqlite_query_result_t *)r, (spin_sqlite_sqlite_error_t *)e);
}

static const values_t nothing = {NULL, 0};

static char *io_text(error_t *e) { return cstr(&e->val.io); }

static void conformance(void) {
	connection_t c;
	error_t e;
	result_t r;
	EXPECT(!open_database(2, "forbidden", &c, &e) && e.tag == ACCESS_DENIED, "forbidden is not denied");
	EXPECT(open_database(2, "default", &c, &e), "default: %s", errors[e.tag]);
	EXPECT(execute(c, "CREATE TABLE IF NOT EXISTS test_data(key TEXT NOT NULL, value TEXT NOT NULL);", nothing, &r, &e), "create: %s", io_text(&e));
	value_t pair[] = {{.tag = TEXT, .val.text = str("my_key")}, {.tag = TEXT, .val.text = str("my_value")}};
	EXPECT(execute(c, "INSERT INTO test_data(key, value) VALUES(?, ?);", (values_t){pair, 2}, &r, &e), "insert: %s", io_text(&e));
	EXPECT(execute(c, "SELECT key, value FROM test_data;", nothing, &r, &e), "select: %s", io_text(&e));
	EXPECT(r.rows.len == 1 && r.columns.len == 2, "%u rows of %u columns", (unsigned)r.rows.len, (unsigned)r.columns.len);
	EXPECT(strcmp(cstr(&r.columns.ptr[1]), "value") == 0, "column %s", cstr(&r.columns.ptr[1]));
	value_t *v = r.rows.ptr[0].values.ptr;
	EXPECT(v[0].tag == TEXT && strcmp(cstr(&v[0].val.text), "my_key") == 0, "key is wrong");
	EXPECT(v[1].tag == TEXT && strcmp(cstr(&v[1].val.text), "my_value") == 0, "value is wrong");
	reply(200, "");
}

static void no_permission(void) {
	connection_t c;
	error_t e;
	if (open_database(2, "default", &c, &e)) {
		reply(200, "");
	} else {
		reply(500, e.tag == ACCESS_DENIED ? "Error::AccessDenied" : errors[e.tag]);
	}
}

static void check(int version) {
	connection_t c;
	error_t e;
	result_t r;
	EXPECT(open_database(version, "default", &c, &e), "open: %s", errors[e.tag]);
	EXPECT(execute(c, "DROP TABLE IF EXISTS t", nothing, &r, &e), "drop: %s", io_text(&e));
	EXPECT(execute(c, "CREATE TABLE t (i INTEGER, r REAL, x TEXT, b BLOB, n, at TIMESTAMP)", nothing, &r, &e), "create: %s", io_text(&e));
	uint8_t bytes[] = {0, 255, 1};
	value_t all[] = {
		{.tag = INTEGER, .val.integer = -9000000000000000000}, {.tag = REAL, .val.real = 0.5}, {.tag = TEXT, .val.text = str("h\303\251")},
		{.tag = BLOB, .val.blob = {bytes, 3}}, {.tag = NONE}, {.tag = TEXT, .val.text = str("2024-01-02 03:04:05")},
	};
	EXPECT(execute(c, "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", (values_t){all, 6}, &r, &e), "insert: %s", io_text(&e));
	if (version == 3) {
		spin_sqlite_sqlite_borrow_connection_t b = {c.handle};
		EXPECT(spin_sqlite_sqlite_method_connection_last_insert_rowid(b) == 1, "rowid is wrong");
		EXPECT(spin_sqlite_sqlite_method_connection_changes(b) == 1, "changes is wrong");
	}
	EXPECT(execute(c, "SELECT * FROM t", nothing, &r, &e), "select: %s", io_text(&e));
	EXPECT(r.rows.len == 1 && r.columns.len == 6, "%u rows", (unsigned)r.rows.len);
	value_t *v = r.rows.ptr[0].values.ptr;
	for (int i = 0; i < 6; i++) EXPECT(v[i].tag == all[i].tag, "value %d is of another kind", i);
	EXPECT(v[0].val.integer == all[0].val.integer && v[1].val.real == 0.5, "numbers are wrong");
	EXPECT(strcmp(cstr(&v[2].val.text), "h\303\251") == 0, "text is %s", cstr(&v[2].val.text));
	EXPECT(v[3].val.blob.len == 3 && memcmp(v[3].val.blob.ptr, bytes, 3) == 0, "blob is wrong");
	EXPECT(strcmp(cstr(&v[5].val.text), "2024-01-02 03:04:05") == 0, "time is %s", cstr(&v[5].val.text));

	EXPECT(!execute(c, "SELECT * FROM nowhere", nothing, &r, &e) && e.tag == IO, "a table that is not there can be read");
	EXPECT(strcmp(io_text(&e), "no such table: nowhere") == 0, "error is %s", io_text(&e));
	EXPECT(!execute(c, "ATTACH 'elsewhere.db' AS o", nothing, &r, &e) && e.tag == IO, "a file can be attached");
	EXPECT(!execute(c, "SELECT ?", nothing, &r, &e) && e.tag == IO, "a parameter may be missing");
	if (version == 1) {
		fermyon_spin_sqlite_close(c.handle);
		EXPECT(!execute(c, "SELECT 1", nothing, &r, &e) && e.tag == INVALID_CONNECTION, "a closed connection can be used");
		c.handle = 4711;
		EXPECT(!execute(c, "SELECT 1", nothing, &r, &e) && e.tag == INVALID_CONNECTION, "any number is a connection");
	}
	reply(200, "");
}

static void open_each(char *label) {
	connection_t c;
	error_t e = {0};
	for (int version = 1; version <= 3; version++) {
		if (!open_database(version, label, &c, &e)) {
			replyf(500, "%d: %s", version, errors[e.tag]);
			return;
		}
	}
	reply(200, "open");
}

static void run(char *statement) {
	for (char *s = statement; *s; s++) if (*s == '+') *s = ' ';
	connection_t c;
	error_t e;
	result_t r;
	EXPECT(open_database(2, "default", &c, &e), "open: %s", errors[e.tag]);
	EXPECT(execute(c, statement, nothing, &r, &e), "%s: %s", errors[e.tag], e.tag == IO ? io_text(&e) : "");
	char text[4000] = "";
	size_t n = 0;
	for (size_t i = 0; i < r.rows.len; i++) {
		for (size_t k = 0; k < r.rows.ptr[i].values.len; k++) {
			value_t *v = &r.rows.ptr[i].values.ptr[k];
			if (v->tag == INTEGER) n += format(text + n, sizeof text - n, "%l ", v->val.integer);
			if (v->tag == TEXT) n += format(text + n, sizeof text - n, "%s ", cstr(&v->val.text));
			if (n >= sizeof text) n = sizeof text - 1;
		}
	}
	reply(200, n > 0 ? text : "(nothing)");
}

void serve(char *path) {
	if (strcmp(path, "/conformance") == 0) {
		conformance();
	} else if (strcmp(path, "/no-permission") == 0) {
		no_permission();
	} else if (strncmp(path, "/check/", 7) == 0) {
		check(path[7] - '0');
	} else if (strncmp(path, "/open/", 6) == 0) {
		open_each(path + 6);
	} else if (strncmp(path, "/run/", 5) == 0) {
		run(path + 5);
	} else {
		reply(404, "no such check");
	}
}
