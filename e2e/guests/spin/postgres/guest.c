// Uses a PostgreSQL server, whose address is in the header "address", through
// each of the interfaces. N is 1 for fermyon:spin/postgres, 2 for
// fermyon:spin/postgres@2.0.0, 3 for spin:postgres@3.0.0, 4 for spin:postgres@4.1.0.
//
//	/conformance        the checks of Spin's own suite: 200 without a body
//	/check/N            what the values of the interface are like, there and back
//	/errors             each error of version 4
//	/open/N             opens a connection
//	/build              opens one by a connection-builder
//	/build/ca           the same after set-ca-root with the header "ca", in which
//	                    lines end with |
//	/many               opens connections until it may not, replies with how many
//	/begin              begins a transaction and replies with the backend's number
//	/query/STATEMENT    one query by version 4, '+' for blanks; replies with
//	                    columns, types (as case numbers) and the values that are
//	                    numbers or text
#include "reply.h"

#define P4(name) spin_postgres_4_1_0_postgres_##name

typedef P4(parameter_value_t) param_t;
typedef P4(db_value_t) value_t;
typedef P4(error_t) error_t;
typedef P4(row_set_t) rows_t;
typedef P4(list_parameter_value_t) params_t;

enum { CONNECTION_FAILED, BAD_PARAMETER, QUERY_FAILED, CONVERSION_FAILED, OTHER };
static const char *kinds[] = {"ConnectionFailed", "BadParameter", "QueryFailed", "ValueConversionFailed", "Other"};

static error_t e;
static P4(own_connection_t) own;
static P4(borrow_connection_t) conn;
static rows_t set;

// text is what e says.
static char *text(void) {
	if (e.tag != QUERY_FAILED) return cstr(&e.val.other);
	return cstr(e.val.query_failed.tag == 0 ? &e.val.query_failed.val.text : &e.val.query_failed.val.db_error.as_text);
}

static guest_string_t address(void) {
	char *a = request_header("address");
	return str(a ? a : "");
}

static bool open4(void) {
	guest_string_t a = address();
	if (!P4(static_connection_open)(&a, &own, &e)) return false;
	conn.__handle = own.__handle;
	return true;
}

static bool query(const char *statement, param_t *p, size_t n) {
	guest_string_t s = str(statement);
	params_t params = {p, n};
	return P4(method_connection_query)(conn, &s, &params, &set, &e);
}

static bool execute(const char *statement, param_t *p, size_t n, uint64_t *count) {
	guest_string_t s = str(statement);
	params_t params = {p, n};
	return P4(method_connection_execute)(conn, &s, &params, count, &e);
}

static bool is(guest_string_t s, const char *want) { return s.len == strlen(want) && memcmp(s.ptr, want, s.len) == 0; }

static bool error_is(int tag, const char *words) { return e.tag == tag && strstr(text(), words); }

static void failed(int status) { replyf(status, "Error::%s(%s)", kinds[e.tag], text()); }

static void conformance(void) {
	if (!open4()) {
		failed(500);
		return;
	}
	uint64_t n;
	EXPECT(query("SELECT pg_backend_pid()", NULL, 0) && set.rows.len == 1, "pid: %s", text());
	int32_t pid = set.rows.ptr[0].ptr[0].val.int32;
	EXPECT(execute("CREATE TEMPORARY TABLE things (id uuid, doc jsonb, price numeric(10,2), span int4range, tags text[], wait interval)", NULL, 0, &n), "create: %s", text());
	param_t p[] = {
		{.tag = 13, .val.uuid = str("5a2f0f4e-8d2c-4d0b-9b7a-3f6d1c0e9a11")},
		{.tag = 14, .val.jsonb = {(uint8_t *)"{\"a\": [1, 2]}", 13}},
		{.tag = 15, .val.decimal = str("12345.50")},
		{.tag = 16, .val.range_int32 = {{true, {1, 0}}, {true, {5, 1}}}},
		{.tag = 22},
		{.tag = 23, .val.interval = {3000001, 2, 14}},
	};
	guest_option_string_t three[] = {{true, str("a \"b\"")}, {false, {0}}, {true, str("\\,{}")}};
	p[4].val.array_str.ptr = three;
	p[4].val.array_str.len = 3;
	EXPECT(execute("INSERT INTO things VALUES ($1, $2, $3, $4, $5, $6)", p, 6, &n) && n == 1, "insert: %s", text());
	EXPECT(query("SELECT id, doc, price, span, tags, wait FROM things", NULL, 0) && set.rows.len == 1 && set.columns.len == 6, "select: %s", text());
	value_t *v = set.rows.ptr[0].ptr;
	for (int i = 0; i < 6; i++) {
		static const int tagged[] = {13, 14, 15, 16, 22, 23};
		EXPECT(v[i].tag == tagged[i] && set.columns.ptr[i].data_type.tag == tagged[i], "column %d is %d, value %d", i, set.columns.ptr[i].data_type.tag, v[i].tag);
	}
	EXPECT(is(v[0].val.uuid, "5a2f0f4e-8d2c-4d0b-9b7a-3f6d1c0e9a11"), "uuid %s", cstr(&v[0].val.uuid));
	EXPECT(v[1].val.jsonb.len == 11 && memcmp(v[1].val.jsonb.ptr, "{\"a\":[1,2]}", 11) == 0, "jsonb of %u", (unsigned)v[1].val.jsonb.len);
	EXPECT(is(v[2].val.decimal, "12345.50"), "decimal %s", cstr(&v[2].val.decimal));
	EXPECT(v[3].val.range_int32.f0.is_some && v[3].val.range_int32.f0.val.f0 == 1 && v[3].val.range_int32.f0.val.f1 == 0, "range from");
	EXPECT(v[3].val.range_int32.f1.is_some && v[3].val.range_int32.f1.val.f0 == 5 && v[3].val.range_int32.f1.val.f1 == 1, "range to");
	guest_option_string_t *got = v[4].val.array_str.ptr;
	EXPECT(v[4].val.array_str.len == 3 && is(got[0].val, "a \"b\"") && !got[1].is_some && is(got[2].val, "\\,{}"), "array");
	EXPECT(v[5].val.interval.micros == 3000001 && v[5].val.interval.days == 2 && v[5].val.interval.months == 14, "interval");
	EXPECT(query("SELECT pg_backend_pid()", NULL, 0) && set.rows.ptr[0].ptr[0].val.int32 == pid, "another backend");
	reply(200, "");
}

// there gives a parameter to the server and has it back, cast to a type.
static value_t *there(const char *type, param_t p) {
	static char statement[200];
	format(statement, sizeof statement, "SELECT $1::%s", type);
	if (!query(statement, &p, 1)) return NULL;
	return set.rows.ptr[0].ptr;
}

static void check4(void) {
	value_t *v;
	EXPECT(open4(), "%s", text());
	EXPECT((v = there("bool", (param_t){.tag = 0, .val.boolean = true})) && v->tag == 0 && v->val.boolean, "bool: %s", text());
	EXPECT((v = there("\"char\"", (param_t){.tag = 1, .val.int8 = 65})) && v->tag == 25 && v->val.unsupported.ptr[0] == 65, "char: %s", text());
	EXPECT(is(set.columns.ptr[0].data_type.val.other, "char"), "type %s", cstr(&set.columns.ptr[0].data_type.val.other));
	EXPECT((v = there("int2", (param_t){.tag = 2, .val.int16 = -32768})) && v->tag == 2 && v->val.int16 == -32768, "int2: %s", text());
	EXPECT((v = there("int4", (param_t){.tag = 3, .val.int32 = -7})) && v->tag == 3 && v->val.int32 == -7, "int4: %s", text());
	EXPECT((v = there("int8", (param_t){.tag = 4, .val.int64 = INT64_MIN})) && v->tag == 4 && v->val.int64 == INT64_MIN, "int8: %s", text());
	EXPECT((v = there("float4", (param_t){.tag = 5, .val.floating32 = 0.1f})) && v->tag == 5 && v->val.floating32 == 0.1f, "float4: %s", text());
	EXPECT((v = there("float8", (param_t){.tag = 6, .val.floating64 = 1e-300})) && v->tag == 6 && v->val.floating64 == 1e-300, "float8: %s", text());
	EXPECT((v = there("text", (param_t){.tag = 7, .val.str = str("gr\xc3\xbc\xc3\x9f 'x'")})) && v->tag == 7 && is(v->val.str, "gr\xc3\xbc\xc3\x9f 'x'"), "text: %s", text());
	param_t bytes = {.tag = 8, .val.binary = {(uint8_t *)"\0\xff\\x", 4}};
	EXPECT((v = there("bytea", bytes)) && v->tag == 8 && v->val.binary.len == 4 && memcmp(v->val.binary.ptr, "\0\xff\\x", 4) == 0, "bytea: %s", text());
	bytes.val.binary.len = 0;
	EXPECT((v = there("bytea", bytes)) && v->tag == 8 && v->val.binary.len == 0, "no bytes: %s", text());
	param_t date = {.tag = 9};
	date.val.date.f0 = -43, date.val.date.f1 = 3, date.val.date.f2 = 15;
	EXPECT((v = there("date", date)) && v->tag == 9 && v->val.date.f0 == -43 && v->val.date.f1 == 3 && v->val.date.f2 == 15, "date: %s", text());
	param_t clock = {.tag = 10};
	clock.val.time.f0 = 23, clock.val.time.f1 = 59, clock.val.time.f2 = 58, clock.val.time.f3 = 123456789;
	EXPECT((v = there("time", clock)) && v->tag == 10 && v->val.time.f0 == 23 && v->val.time.f2 == 58 && v->val.time.f3 == 123456000, "time: %s", text());
	param_t at = {.tag = 11};
	at.val.datetime.f0 = 1969, at.val.datetime.f1 = 12, at.val.datetime.f2 = 31, at.val.datetime.f3 = 23, at.val.datetime.f4 = 59, at.val.datetime.f5 = 59, at.val.datetime.f6 = 1000;
	EXPECT((v = there("timestamp", at)) && v->tag == 11 && v->val.datetime.f0 == 1969 && v->val.datetime.f5 == 59 && v->val.datetime.f6 == 1000, "timestamp: %s", text());
	EXPECT((v = there("timestamptz", (param_t){.tag = 12, .val.timestamp = 951782400})) && v->tag == 11 && v->val.datetime.f0 == 2000 && v->val.datetime.f1 == 2 && v->val.datetime.f2 == 29, "timestamptz: %s", text());
	const char *decimals[] = {"0", "-0.001", "10000", "99999999999999.0001", "123456789012345678901234.5678", "0.00", "5000000"};
	for (int i = 0; i < 7; i++) {
		EXPECT((v = there("numeric", (param_t){.tag = 15, .val.decimal = str(decimals[i])})) && v->tag == 15 && is(v->val.decimal, decimals[i]), "numeric %s: %s", decimals[i], v ? cstr(&v->val.decimal) : text());
	}
	EXPECT((v = there("int8range", (param_t){.tag = 17, .val.range_int64 = {{false}, {true, {9, 1}}}})) && v->tag == 17 && !v->val.range_int64.f0.is_some && v->val.range_int64.f1.val.f0 == 9, "int8range: %s", text());
	EXPECT((v = there("numrange", (param_t){.tag = 18, .val.range_decimal = {{true, {str("1.5"), 1}}, {true, {str("2.50"), 0}}}})) && v->tag == 18 && is(v->val.range_decimal.f0.val.f0, "1.5") && v->val.range_decimal.f0.val.f1 == 1 && is(v->val.range_decimal.f1.val.f0, "2.50") && v->val.range_decimal.f1.val.f1 == 0, "numrange: %s", text());
	EXPECT((v = there("int4", (param_t){.tag = 24})) && v->tag == 24, "null: %s", text());
	EXPECT(query("SELECT ARRAY[1,NULL,-3], ARRAY[1::int8], ARRAY[1.50,NULL], '{}'::text[], 'empty'::int4range", NULL, 0), "arrays: %s", text());
	v = set.rows.ptr[0].ptr;
	EXPECT(v[0].tag == 19 && v[0].val.array_int32.len == 3 && v[0].val.array_int32.ptr[2].val == -3 && !v[0].val.array_int32.ptr[1].is_some, "int4[]");
	EXPECT(v[1].tag == 20 && v[1].val.array_int64.ptr[0].val == 1, "int8[]");
	EXPECT(v[2].tag == 21 && v[2].val.array_decimal.len == 2 && is(v[2].val.array_decimal.ptr[0].val, "1.50"), "numeric[]");
	EXPECT(v[3].tag == 22 && v[3].val.array_str.len == 0, "text[]");
	EXPECT(v[4].tag == 16 && !v[4].val.range_int32.f0.is_some && !v[4].val.range_int32.f1.is_some, "an empty range");
	EXPECT(query("SELECT 1 WHERE false", NULL, 0) && set.rows.len == 0 && set.columns.len == 0, "no rows, %u columns", (unsigned)set.columns.len);
	EXPECT(query("SELECT '1.2.3.4'::inet", NULL, 0) && set.rows.ptr[0].ptr[0].tag == 25 && is(set.columns.ptr[0].data_type.val.other, "inet"), "inet: %s", text());
	uint64_t n;
	EXPECT(execute("DROP TYPE IF EXISTS mood", NULL, 0, &n) && execute("CREATE TYPE mood AS ENUM ('fine')", NULL, 0, &n), "enum: %s", text());
	EXPECT(query("SELECT 'fine'::mood", NULL, 0) && set.rows.ptr[0].ptr[0].tag == 25 && is(set.columns.ptr[0].data_type.val.other, "mood"), "mood: %s", text());
	reply(200, "");
}

static void errors(void) {
	uint64_t n;
	EXPECT(open4(), "%s", text());
	EXPECT(!query("SELEC 1", NULL, 0) && e.tag == QUERY_FAILED && e.val.query_failed.tag == 1, "a bad statement");
	P4(db_error_t) *db = &e.val.query_failed.val.db_error;
	EXPECT(is(db->code, "42601") && is(db->severity, "ERROR") && strstr(cstr(&db->message), "syntax error") && !db->detail.is_some && db->extras.len > 0, "a bad statement: %s", cstr(&db->code));
	EXPECT(execute("CREATE TEMPORARY TABLE once (n int4 PRIMARY KEY)", NULL, 0, &n) && execute("INSERT INTO once VALUES (1), (2)", NULL, 0, &n) && n == 2, "once: %s", text());
	EXPECT(!execute("INSERT INTO once VALUES (1)", NULL, 0, &n) && e.val.query_failed.tag == 1, "twice");
	EXPECT(is(db->code, "23505") && db->detail.is_some && strstr(cstr(&db->detail.val), "already exists"), "twice: %s", cstr(&db->code));
	bool constraint = false;
	for (size_t i = 0; i < db->extras.len; i++) constraint |= is(db->extras.ptr[i].f0, "constraint") && is(db->extras.ptr[i].f1, "once_pkey");
	EXPECT(constraint, "no constraint among the extras");
	param_t one = {.tag = 3, .val.int32 = 1};
	EXPECT(!query("SELECT $1::int8", &one, 1) && error_is(QUERY_FAILED, "error serializing parameter 0") && e.val.query_failed.tag == 0, "int4 for int8: %s", text());
	EXPECT(!query("SELECT 1", &one, 1) && error_is(QUERY_FAILED, "expected 0 parameters but got 1"), "a parameter too many: %s", text());
	EXPECT(!query("SELECT $1::int4", NULL, 0) && error_is(QUERY_FAILED, "expected 1 parameters but got 0"), "none: %s", text());
	param_t bad[] = {{.tag = 13, .val.uuid = str("not")}, {.tag = 14, .val.jsonb = {(uint8_t *)"{", 1}}, {.tag = 15, .val.decimal = str("1e5")}};
	const char *words[] = {"invalid UUID not", "invalid JSON {", "invalid decimal 1e5"};
	for (int i = 0; i < 3; i++) {
		EXPECT(!query("SELECT $1", bad + i, 1) && error_is(BAD_PARAMETER, words[i]), "query, %d: %s", i, text());
		EXPECT(!execute("SELECT $1", bad + i, 1, &n) && error_is(CONVERSION_FAILED, words[i]), "execute, %d: %s", i, text());
	}
	param_t day = {.tag = 9};
	day.val.date.f0 = 2023, day.val.date.f1 = 2, day.val.date.f2 = 29;
	EXPECT(!query("SELECT $1::date", &day, 1) && error_is(BAD_PARAMETER, "invalid date y=2023, m=2, d=29"), "a day: %s", text());
	EXPECT(!query("SELECT 'NaN'::numeric", NULL, 0) && error_is(QUERY_FAILED, "error deserializing column 0"), "NaN: %s", text());
	EXPECT(open4() && !query("SELECT 'infinity'::timestamp", NULL, 0) && error_is(QUERY_FAILED, "value too large to decode"), "infinity: %s", text());
	EXPECT(open4() && query("SELECT 1", NULL, 0), "after all: %s", text());
	P4(own_connection_builder_t) b;
	guest_string_t a = address(), pem = str("not PEM");
	b = P4(constructor_connection_builder)(&a);
	EXPECT(!P4(method_connection_builder_set_ca_root)(P4(borrow_connection_builder)(b), &pem, &e) && error_is(OTHER, "invalid root certificate"), "a CA: %s", text());
	reply(200, "");
}

static void check3(void) {
	spin_postgres_3_0_0_postgres_own_connection_t c;
	spin_postgres_3_0_0_postgres_error_t err;
	spin_postgres_3_0_0_postgres_row_set_t rows;
	guest_string_t a = address(), s = str("SELECT $1::int4, $2::text, $3::date, NULL::int4, $4::timestamptz, gen_random_uuid()");
	EXPECT(spin_postgres_3_0_0_postgres_static_connection_open(&a, &c, &err), "open: %s", cstr(&err.val.other));
	spin_postgres_3_0_0_postgres_parameter_value_t p[] = {{.tag = 3, .val.int32 = 7}, {.tag = 7, .val.str = str("x")}, {.tag = 13}, {.tag = 12, .val.timestamp = 60}};
	spin_postgres_3_0_0_postgres_list_parameter_value_t params = {p, 4};
	EXPECT(spin_postgres_3_0_0_postgres_method_connection_query(spin_postgres_3_0_0_postgres_borrow_connection(c), &s, &params, &rows, &err), "query: %s", cstr(&err.val.other));
	spin_postgres_3_0_0_postgres_db_value_t *v = rows.rows.ptr[0].ptr;
	EXPECT(v[0].tag == 3 && v[0].val.int32 == 7 && v[1].tag == 7 && is(v[1].val.str, "x") && v[2].tag == 13 && v[3].tag == 13, "values");
	EXPECT(v[4].tag == 11 && v[4].val.datetime.f0 == 1970 && v[4].val.datetime.f4 == 1 && v[5].tag == 14, "values at the end: %d %d", v[4].tag, v[5].tag);
	EXPECT(rows.columns.ptr[2].data_type == 9 && rows.columns.ptr[4].data_type == 11 && rows.columns.ptr[5].data_type == 13, "types");
	uint64_t n;
	s = str("SELECT 1 FROM nowhere");
	params.len = 0;
	EXPECT(!spin_postgres_3_0_0_postgres_method_connection_execute(spin_postgres_3_0_0_postgres_borrow_connection(c), &s, &params, &n, &err) && err.tag == QUERY_FAILED && strstr(cstr(&err.val.other), "nowhere"), "nowhere");
	reply(200, "");
}

typedef fermyon_spin_2_0_0_rdbms_types_parameter_value_t old_param_t;
typedef fermyon_spin_2_0_0_rdbms_types_row_set_t old_rows_t;

// old checks the values of the first two interfaces, which are the same.
static bool old(int version, const char *statement, old_param_t *p, size_t n, old_rows_t *rows, fermyon_spin_2_0_0_rdbms_types_error_t *err) {
	static fermyon_spin_2_0_0_postgres_own_connection_t c;
	guest_string_t a = address(), s = str(statement);
	if (version == 1) {
		fermyon_spin_postgres_list_parameter_value_t params = {(void *)p, n};
		bool ok = fermyon_spin_postgres_query(&a, &s, &params, (void *)rows, (void *)err);
		err->tag--;
		return ok;
	}
	if (c.__handle == 0 && !fermyon_spin_2_0_0_postgres_static_connection_open(&a, &c, (void *)err)) return false;
	fermyon_spin_2_0_0_postgres_list_parameter_value_t params = {p, n};
	return fermyon_spin_2_0_0_postgres_method_connection_query(fermyon_spin_2_0_0_postgres_borrow_connection(c), &s, &params, rows, (void *)err);
}

static void check_old(int version) {
	fermyon_spin_2_0_0_rdbms_types_error_t err;
	old_rows_t rows;
	old_param_t p[] = {
		{.tag = 0, .val.boolean = true}, {.tag = 2, .val.int16 = 2}, {.tag = 3, .val.int32 = 3}, {.tag = 4, .val.int64 = 4},
		{.tag = 9, .val.floating32 = 1.5}, {.tag = 10, .val.floating64 = 2.5}, {.tag = 11, .val.str = str("s")}, {.tag = 12, .val.binary = {(uint8_t *)"b", 1}}, {.tag = 13},
	};
	EXPECT(old(version, "SELECT $1::bool, $2::int2, $3::int4, $4::int8, $5::float4, $6::float8, $7::text, $8::bytea, $9::int4, now()", p, 9, &rows, &err), "query: %s", cstr(&err.val.other));
	static const int tags[] = {0, 2, 3, 4, 9, 10, 11, 12, 13, 14}, types[] = {0, 2, 3, 4, 9, 10, 11, 12, 3, 13};
	for (int i = 0; i < 10; i++) {
		EXPECT(rows.rows.ptr[0].ptr[i].tag == tags[i] && rows.columns.ptr[i].data_type == types[i], "column %d is %d, value %d", i, rows.columns.ptr[i].data_type, rows.rows.ptr[0].ptr[i].tag);
	}
	EXPECT(rows.rows.ptr[0].ptr[3].val.int64 == 4 && rows.rows.ptr[0].ptr[4].val.floating32 == 1.5 && is(rows.rows.ptr[0].ptr[6].val.str, "s"), "values");
	old_param_t u = {.tag = 7, .val.uint32 = 1};
	EXPECT(!old(version, "SELECT $1::int4", &u, 1, &rows, &err) && err.tag == CONVERSION_FAILED && is(err.val.other, "Postgres does not support unsigned integers"), "unsigned: %s", cstr(&err.val.other));
	EXPECT(!old(version, "nonsense", NULL, 0, &rows, &err) && err.tag == QUERY_FAILED, "nonsense: %d", err.tag);
	reply(200, "");
}

static void open_any(int version) {
	fermyon_spin_2_0_0_rdbms_types_error_t err;
	old_rows_t rows;
	bool ok;
	if (version <= 2) {
		ok = old(version, "SELECT 1", NULL, 0, &rows, &err);
	} else if (version == 3) {
		spin_postgres_3_0_0_postgres_own_connection_t c;
		guest_string_t a = address();
		ok = spin_postgres_3_0_0_postgres_static_connection_open(&a, &c, (void *)&err);
	} else {
		ok = open4();
		err.tag = e.tag;
		if (!ok) err.val.other = e.val.other;
	}
	if (ok) {
		reply(200, "open");
	} else {
		replyf(500, "Error::%s(\"%s\")", kinds[err.tag], cstr(&err.val.other));
	}
}

static void build(char *ca) {
	for (char *s = ca; s && *s; s++)
		if (*s == '|') *s = '\n';
	guest_string_t a = address(), pem = str(ca ? ca : "");
	P4(own_connection_builder_t) b = P4(constructor_connection_builder)(&a);
	if (ca && !P4(method_connection_builder_set_ca_root)(P4(borrow_connection_builder)(b), &pem, &e)) {
		failed(500);
		return;
	}
	if (!P4(method_connection_builder_build)(P4(borrow_connection_builder)(b), &own, &e)) {
		replyf(500, "Error::%s(\"%s\")", kinds[e.tag], text());
		return;
	}
	conn.__handle = own.__handle;
	EXPECT(query("SELECT 1", NULL, 0), "query: %s", text());
	reply(200, "open");
}

static void show(char *statement) {
	for (char *s = statement; *s; s++)
		if (*s == '+') *s = ' ';
	if ((own.__handle == 0 && !open4()) || !query(statement, NULL, 0)) {
		failed(500);
		return;
	}
	static char out[3000];
	size_t len = 0;
	for (size_t i = 0; i < set.columns.len; i++) len += format(out + len, sizeof out - len, "%s:%d ", cstr(&set.columns.ptr[i].name), set.columns.ptr[i].data_type.tag);
	for (size_t r = 0; r < set.rows.len && r < 10; r++) {
		for (size_t i = 0; i < set.columns.len; i++) {
			value_t *v = &set.rows.ptr[r].ptr[i];
			switch (v->tag) {
			case 3: len += format(out + len, sizeof out - len, "%d ", v->val.int32); break;
			case 4: len += format(out + len, sizeof out - len, "%l ", v->val.int64); break;
			case 7: case 15: len += format(out + len, sizeof out - len, "%s ", cstr(&v->val.str)); break;
			default: len += format(out + len, sizeof out - len, "#%d ", v->tag);
			}
		}
	}
	reply(200, out);
}

void serve(char *path) {
	if (strcmp(path, "/conformance") == 0) {
		conformance();
	} else if (strcmp(path, "/check/4") == 0) {
		check4();
	} else if (strcmp(path, "/check/3") == 0) {
		check3();
	} else if (strncmp(path, "/check/", 7) == 0) {
		check_old(path[7] - '0');
	} else if (strcmp(path, "/errors") == 0) {
		errors();
	} else if (strncmp(path, "/open/", 6) == 0) {
		open_any(path[6] - '0');
	} else if (strcmp(path, "/build") == 0) {
		build(NULL);
	} else if (strcmp(path, "/build/ca") == 0) {
		build(request_header("ca"));
	} else if (strcmp(path, "/many") == 0) {
		int n = 0;
		while (n < 1000 && open4()) n++;
		replyf(200, "%d %s", n, text());
	} else if (strcmp(path, "/begin") == 0) {
		char number[] = "SELECT pg_backend_pid()";
		EXPECT(open4() && query("BEGIN", NULL, 0), "begin: %s", text());
		show(number);
	} else {
		show(path + strlen("/query/"));
	}
}
