// Uses a MySQL server, whose address is in the header "address", through both
// interfaces. N is 1 for fermyon:spin/mysql, 2 for fermyon:spin/mysql@2.0.0.
//
//	/check/N            each kind of value, there and back, and each error
//	/open/N             opens a connection
//	/many               opens connections until it may not, replies with how many
//	/query/STATEMENT    one query by version 2, '+' for blanks; replies with
//	                    columns, types (as case numbers) and the values that are
//	                    numbers or text
//	/run/STATEMENT      executes a statement and replies with the connection's number
#include "reply.h"

typedef fermyon_spin_2_0_0_rdbms_types_parameter_value_t param_t;
typedef fermyon_spin_2_0_0_rdbms_types_row_set_t rows_t;
typedef fermyon_spin_2_0_0_rdbms_types_error_t error_t;

enum { CONNECTION_FAILED, BAD_PARAMETER, QUERY_FAILED, CONVERSION_FAILED, OTHER };
static const char *kinds[] = {"ConnectionFailed", "BadParameter", "QueryFailed", "ValueConversionFailed", "Other"};

static error_t e;
static rows_t set;
static fermyon_spin_2_0_0_mysql_own_connection_t own;

static guest_string_t address(void) {
	char *a = request_header("address");
	return str(a ? a : "");
}

static bool open2(void) {
	guest_string_t a = address();
	return fermyon_spin_2_0_0_mysql_static_connection_open(&a, &own, (void *)&e);
}

// The two interfaces have the same types, but for one case more in the first's
// error.
static bool query(int version, const char *statement, param_t *p, size_t n) {
	guest_string_t a = address(), s = str(statement);
	if (version == 1) {
		fermyon_spin_mysql_list_parameter_value_t params = {(void *)p, n};
		bool ok = fermyon_spin_mysql_query(&a, &s, &params, (void *)&set, (void *)&e);
		e.tag--;
		return ok;
	}
	if (own.__handle == 0 && !open2()) return false;
	fermyon_spin_2_0_0_mysql_list_parameter_value_t params = {p, n};
	return fermyon_spin_2_0_0_mysql_method_connection_query(fermyon_spin_2_0_0_mysql_borrow_connection(own), &s, &params, &set, (void *)&e);
}

static bool execute(int version, const char *statement, param_t *p, size_t n) {
	guest_string_t a = address(), s = str(statement);
	if (version == 1) {
		fermyon_spin_mysql_list_parameter_value_t params = {(void *)p, n};
		bool ok = fermyon_spin_mysql_execute(&a, &s, &params, (void *)&e);
		e.tag--;
		return ok;
	}
	if (own.__handle == 0 && !open2()) return false;
	fermyon_spin_2_0_0_mysql_list_parameter_value_t params = {p, n};
	return fermyon_spin_2_0_0_mysql_method_connection_execute(fermyon_spin_2_0_0_mysql_borrow_connection(own), &s, &params, (void *)&e);
}

static char *text(void) { return cstr(&e.val.other); }

static bool is(guest_string_t s, const char *want) { return s.len == strlen(want) && memcmp(s.ptr, want, s.len) == 0; }

static bool failed(bool ok, int tag, const char *words) { return !ok && e.tag == tag && strstr(text(), words); }

static const char *table = "CREATE OR REPLACE TABLE things (i8 TINYINT, u8 TINYINT UNSIGNED, i16 SMALLINT, u16 SMALLINT UNSIGNED, i24 MEDIUMINT, "
	"i32 INT, u32 INT UNSIGNED, i64 BIGINT, u64 BIGINT UNSIGNED, f32 FLOAT, f64 DOUBLE, c CHAR(3), v VARCHAR(20), t TEXT, "
	"b BINARY(2), vb VARBINARY(10), bl BLOB, e ENUM('x','y'), nothing INT, big LONGTEXT) CHARACTER SET utf8mb4";

static void check(int version) {
	EXPECT(execute(version, table, NULL, 0), "create: %s", text());
	param_t p[] = {
		{.tag = 1, .val.int8 = -128}, {.tag = 5, .val.uint8 = 255}, {.tag = 2, .val.int16 = -32768}, {.tag = 6, .val.uint16 = 65535},
		{.tag = 3, .val.int32 = -8388608}, {.tag = 3, .val.int32 = INT32_MIN}, {.tag = 7, .val.uint32 = UINT32_MAX}, {.tag = 4, .val.int64 = INT64_MIN},
		{.tag = 8, .val.uint64 = UINT64_MAX}, {.tag = 9, .val.floating32 = 1.5}, {.tag = 10, .val.floating64 = 1e-300}, {.tag = 11, .val.str = str("abc")},
		{.tag = 11, .val.str = str("gr\xc3\xbc\xc3\x9f 'x'")}, {.tag = 11, .val.str = str("")}, {.tag = 12, .val.binary = {(uint8_t *)"\0\xff", 2}},
		{.tag = 12, .val.binary = {(uint8_t *)"\\'\0", 3}}, {.tag = 12, .val.binary = {(uint8_t *)"", 0}}, {.tag = 11, .val.str = str("y")}, {.tag = 13},
		{.tag = 11, .val.str = str("long")},
	};
	EXPECT(execute(version, "INSERT INTO things VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", p, 20), "insert: %s", text());
	EXPECT(query(version, "SELECT * FROM things", NULL, 0) && set.rows.len == 1 && set.columns.len == 20, "select: %s", text());
	static const int types[] = {1, 5, 2, 6, 3, 3, 7, 4, 8, 9, 10, 11, 11, 11, 12, 12, 12, 11, 3, 11};
	fermyon_spin_2_0_0_rdbms_types_db_value_t *v = set.rows.ptr[0].ptr;
	for (int i = 0; i < 20; i++) {
		EXPECT(set.columns.ptr[i].data_type == types[i] && v[i].tag == (i == 18 ? 13 : types[i]), "column %d is %d, value %d", i, set.columns.ptr[i].data_type, v[i].tag);
	}
	EXPECT(is(set.columns.ptr[12].name, "v"), "column %s", cstr(&set.columns.ptr[12].name));
	EXPECT(v[0].val.int8 == -128 && v[1].val.uint8 == 255 && v[2].val.int16 == -32768 && v[3].val.uint16 == 65535 && v[4].val.int32 == -8388608, "small integers");
	EXPECT(v[5].val.int32 == INT32_MIN && v[6].val.uint32 == UINT32_MAX && v[7].val.int64 == INT64_MIN && v[8].val.uint64 == UINT64_MAX, "integers");
	EXPECT(v[9].val.floating32 == 1.5 && v[10].val.floating64 == 1e-300, "floats");
	EXPECT(is(v[11].val.str, "abc") && is(v[12].val.str, "gr\xc3\xbc\xc3\x9f 'x'") && is(v[13].val.str, "") && is(v[17].val.str, "y") && is(v[19].val.str, "long"), "strings");
	EXPECT(v[14].val.binary.len == 2 && v[14].val.binary.ptr[1] == 0xff && v[15].val.binary.len == 3 && v[16].val.binary.len == 0, "bytes");
	param_t yes = {.tag = 0, .val.boolean = true};
	EXPECT(query(version, "SELECT i8 FROM things WHERE ?", &yes, 1) && set.rows.len == 1, "a boolean: %s", text());
	EXPECT(query(version, "SELECT * FROM things WHERE i8 = 0", NULL, 0) && set.rows.len == 0 && set.columns.len == 20, "no rows: %s", text());
	EXPECT(failed(query(version, "SELEC 1", NULL, 0), QUERY_FAILED, "syntax"), "a bad statement: %s", text());
	EXPECT(failed(execute(version, "INSERT INTO nowhere VALUES (1)", NULL, 0), QUERY_FAILED, "nowhere"), "no such table: %s", text());
	EXPECT(failed(query(version, "SELECT 1", &yes, 1), QUERY_FAILED, "statement takes 0 parameters but 1 were supplied"), "a parameter too many: %s", text());
	EXPECT(failed(query(version, "DELETE FROM things", NULL, 0), OTHER, "unable to stream query result"), "a query without a result: %s", text());
	EXPECT(failed(query(version, "SELECT NOW() AS at", NULL, 0), CONVERSION_FAILED, "column at"), "a time: %s", text());
	EXPECT(query(version, "SELECT CAST(NULL AS DATE), 1", NULL, 0) && set.rows.ptr[0].ptr[0].tag == 13 && set.columns.ptr[0].data_type == 13, "no time: %s", text());
	reply(200, "");
}

static void said(int status) { replyf(status, "Error::%s(\"%s\")", kinds[e.tag], text()); }

static char *blanks(char *statement) {
	for (char *s = statement; *s; s++)
		if (*s == '+') *s = ' ';
	return statement;
}

static void show(char *statement) {
	if (!query(2, blanks(statement), NULL, 0)) {
		said(500);
		return;
	}
	static char out[3000];
	size_t len = 0;
	for (size_t i = 0; i < set.columns.len; i++) len += format(out + len, sizeof out - len, "%s:%d ", cstr(&set.columns.ptr[i].name), set.columns.ptr[i].data_type);
	for (size_t r = 0; r < set.rows.len && r < 10; r++) {
		for (size_t i = 0; i < set.columns.len; i++) {
			fermyon_spin_2_0_0_rdbms_types_db_value_t *v = &set.rows.ptr[r].ptr[i];
			switch (v->tag) {
			case 3: len += format(out + len, sizeof out - len, "%d ", v->val.int32); break;
			case 4: len += format(out + len, sizeof out - len, "%l ", v->val.int64); break;
			case 7: len += format(out + len, sizeof out - len, "%l ", (int64_t)v->val.uint32); break;
			case 11: len += format(out + len, sizeof out - len, "%s ", cstr(&v->val.str)); break;
			default: len += format(out + len, sizeof out - len, "#%d ", v->tag);
			}
		}
	}
	reply(200, out);
}

void serve(char *path) {
	if (strncmp(path, "/check/", 7) == 0) {
		check(path[7] - '0');
	} else if (strcmp(path, "/open/1") == 0 ? !execute(1, "DO 1", NULL, 0) : strcmp(path, "/open/2") == 0 && !open2()) {
		said(500);
	} else if (strncmp(path, "/open/", 6) == 0) {
		reply(200, "open");
	} else if (strcmp(path, "/many") == 0) {
		int n = 0;
		while (n < 1000 && open2()) n++;
		replyf(200, "%d %s", n, text());
	} else if (strncmp(path, "/run/", 5) == 0) {
		char number[] = "SELECT CONNECTION_ID()";
		if (execute(2, blanks(path + 5), NULL, 0)) show(number);
		else said(500);
	} else {
		show(path + strlen("/query/"));
	}
}
