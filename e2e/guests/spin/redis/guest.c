// Uses a Redis server, whose address is in the header "address", through both
// interfaces.
//
//	/conformance    the checks of Spin's own suite: 200 without a body
//	/check/2, /check/2/execute
//	                each function of fermyon:spin/redis@2.0.0, each kind of
//	                result and each error
//	/check/1        the same of fermyon:spin/redis
//	/open           opens a connection
//	/many           opens connections until it may not, replies with how many
//	/get/KEY        GET by the first interface, "error" if it fails
//	/run/COMMAND    executes a command, '+' for blanks; replies with results
#include "reply.h"

typedef fermyon_spin_2_0_0_redis_own_connection_t own_t;
typedef fermyon_spin_2_0_0_redis_borrow_connection_t conn_t;
typedef fermyon_spin_2_0_0_redis_error_t error_t;
typedef fermyon_spin_2_0_0_redis_payload_t payload_t;
typedef fermyon_spin_2_0_0_redis_option_payload_t option_t;
typedef fermyon_spin_2_0_0_redis_redis_parameter_t parameter_t;
typedef fermyon_spin_2_0_0_redis_redis_result_t result_t;
typedef fermyon_spin_2_0_0_redis_list_redis_parameter_t parameters_t;
typedef fermyon_spin_2_0_0_redis_list_redis_result_t results_t;

enum { INVALID_ADDRESS, TOO_MANY, TYPE_ERROR, OTHER };
enum { NIL, STATUS, INT64, BINARY };
enum { GIVE_INT64, GIVE_BINARY };

static const char *spin_names[] = {"Error::InvalidAddress", "Error::TooManyConnections", "Error::TypeError", "Error::Other"};

// said is an error in words.
static const char *said(error_t *e) {
	static char text[1000];
	format(text, sizeof text, e->tag == OTHER ? "%s(%s)" : "%s", spin_names[e->tag], e->tag == OTHER ? cstr(&e->val.other) : "");
	return text;
}

static payload_t bytes(const char *s) { return (payload_t){(uint8_t *)s, strlen(s)}; }

static bool same(payload_t p, const char *s) { return p.len == strlen(s) && memcmp(p.ptr, s, p.len) == 0; }

static error_t e;
static own_t own;
static conn_t conn;

static bool open_connection(void) {
	char *address = request_header("address");
	guest_string_t a = str(address ? address : "");
	if (!fermyon_spin_2_0_0_redis_static_connection_open(&a, &own, &e)) return false;
	conn = fermyon_spin_2_0_0_redis_borrow_connection(own);
	return true;
}

static bool set(const char *key, const char *value) {
	guest_string_t k = str(key);
	payload_t v = bytes(value);
	return fermyon_spin_2_0_0_redis_method_connection_set(conn, &k, &v, &e);
}

static bool get(const char *key, option_t *value) {
	guest_string_t k = str(key);
	return fermyon_spin_2_0_0_redis_method_connection_get(conn, &k, value, &e);
}

static bool incr(const char *key, int64_t *n) {
	guest_string_t k = str(key);
	return fermyon_spin_2_0_0_redis_method_connection_incr(conn, &k, n, &e);
}

static bool del(guest_string_t *keys, size_t len, uint32_t *n) {
	guest_list_string_t list = {keys, len};
	return fermyon_spin_2_0_0_redis_method_connection_del(conn, &list, n, &e);
}

static bool add(const char *key, guest_string_t *values, size_t len, uint32_t *n) {
	guest_string_t k = str(key);
	guest_list_string_t list = {values, len};
	return fermyon_spin_2_0_0_redis_method_connection_sadd(conn, &k, &list, n, &e);
}

static bool rem(const char *key, guest_string_t *values, size_t len, uint32_t *n) {
	guest_string_t k = str(key);
	guest_list_string_t list = {values, len};
	return fermyon_spin_2_0_0_redis_method_connection_srem(conn, &k, &list, n, &e);
}

static bool members(const char *key, guest_list_string_t *all) {
	guest_string_t k = str(key);
	return fermyon_spin_2_0_0_redis_method_connection_smembers(conn, &k, all, &e);
}

static bool publish(const char *channel, const char *message) {
	guest_string_t c = str(channel);
	payload_t m = bytes(message);
	return fermyon_spin_2_0_0_redis_method_connection_publish(conn, &c, &m, &e);
}

static bool execute(const char *command, parameter_t *p, size_t len, results_t *r) {
	guest_string_t c = str(command);
	parameters_t list = {p, len};
	return fermyon_spin_2_0_0_redis_method_connection_execute(conn, &c, &list, r, &e);
}

static parameter_t text(const char *s) { return (parameter_t){.tag = GIVE_BINARY, .val.binary = bytes(s)}; }

static parameter_t number(int64_t n) { return (parameter_t){.tag = GIVE_INT64, .val.int64 = n}; }

static void conformance(void) {
	option_t v;
	int64_t n;
	uint32_t count;
	results_t r;
	EXPECT(open_connection(), "%s", said(&e));
	EXPECT(set("spin-example-get-set", "Eureka!"), "set: %s", said(&e));
	EXPECT(get("spin-example-get-set", &v), "get: %s", said(&e));
	EXPECT(v.is_some && same(v.val, "Eureka!"), "get: not what was set");
	EXPECT(set("spin-example-incr", "0"), "set: %s", said(&e));
	EXPECT(incr("spin-example-incr", &n) && n == 1, "incr: %l", n);
	guest_string_t keys[] = {str("spin-example-get-set"), str("spin-example-incr")};
	EXPECT(del(keys, 2, &count) && count == 2, "del: %u", count);
	parameter_t a[] = {text("spin-example"), text("Eureka!")};
	EXPECT(execute("set", a, 2, &r) && r.len == 1 && r.ptr[0].tag == STATUS, "execute set");
	parameter_t b[] = {text("spin-example"), text(" And again!")};
	EXPECT(execute("append", b, 2, &r) && r.len == 1 && r.ptr[0].tag == INT64 && r.ptr[0].val.int64 == 18, "execute append");
	EXPECT(execute("get", a, 1, &r) && r.len == 1 && r.ptr[0].tag == BINARY && same(r.ptr[0].val.binary, "Eureka! And again!"), "execute get");
	reply(200, "");
}

// failed is whether a call has failed with other, and words.
static bool failed(bool ok, const char *words) { return !ok && e.tag == OTHER && strstr(cstr(&e.val.other), words); }

static void check_sets(void) {
	uint32_t count;
	guest_list_string_t all;
	option_t v;
	guest_string_t values[] = {str("one"), str("two"), str("one")};
	EXPECT(add("a-set", values, 3, &count) && count == 2, "sadd: %u", count);
	EXPECT(add("a-set", values, 1, &count) && count == 0, "sadd again: %u", count);
	EXPECT(members("a-set", &all) && all.len == 2, "smembers: %u", (unsigned)all.len);
	bool first = strncmp((char *)all.ptr[0].ptr, "one", 3) == 0;
	EXPECT(memcmp(all.ptr[first ? 1 : 0].ptr, "two", 3) == 0, "smembers: %s", cstr(&all.ptr[1]));
	EXPECT(rem("a-set", values, 2, &count) && count == 2, "srem: %u", count);
	EXPECT(members("a-set", &all) && all.len == 0, "smembers of nothing: %u", (unsigned)all.len);
	EXPECT(set("no-set", "x"), "set: %s", said(&e));
	EXPECT(failed(add("no-set", values, 1, &count), "WRONGTYPE"), "sadd to a string: %s", said(&e));
	EXPECT(failed(members("no-set", &all), "WRONGTYPE"), "smembers of a string: %s", said(&e));
	EXPECT(failed(rem("no-set", values, 1, &count), "WRONGTYPE"), "srem of a string: %s", said(&e));
	EXPECT(failed(add("a-set", values, 0, &count), "wrong number of arguments"), "sadd of nothing: %s", said(&e));
	int64_t n;
	EXPECT(failed(incr("no-set", &n), "not an integer"), "incr of text: %s", said(&e));
	EXPECT(set("empty", "") && get("empty", &v) && v.is_some && v.val.len == 0, "an empty value");
	EXPECT(get("missing", &v) && !v.is_some, "a missing value");
	EXPECT(del(values, 3, &count) && count == 0, "del of nothing: %u", count);
	EXPECT(publish("a-channel", "a message"), "publish: %s", said(&e));
	reply(200, "");
}

static void check_execute(void) {
	results_t r;
	uint32_t count;
	parameter_t list[] = {text("a-list"), number(-42), text("x\0y")};
	list[2].val.binary.len = 3;
	EXPECT(execute("DEL", list, 1, &r), "DEL: %s", said(&e));
	EXPECT(execute("RPUSH", list, 3, &r) && r.len == 1 && r.ptr[0].tag == INT64 && r.ptr[0].val.int64 == 2, "RPUSH: %s", said(&e));
	parameter_t all[] = {text("a-list"), number(0), number(-1)};
	EXPECT(execute("LRANGE", all, 3, &r) && r.len == 2, "LRANGE: %u", (unsigned)r.len);
	EXPECT(r.ptr[0].tag == BINARY && same(r.ptr[0].val.binary, "-42"), "LRANGE, a number");
	EXPECT(r.ptr[1].tag == BINARY && r.ptr[1].val.binary.len == 3 && memcmp(r.ptr[1].val.binary.ptr, "x\0y", 3) == 0, "LRANGE, bytes");
	parameter_t missing[] = {text("missing")};
	EXPECT(execute("GET", missing, 1, &r) && r.len == 1 && r.ptr[0].tag == NIL, "GET of nothing");
	EXPECT(execute("LRANGE", (parameter_t[]){text("missing"), number(0), number(-1)}, 3, &r) && r.len == 0, "LRANGE of nothing");
	parameter_t script[] = {text("return {1, {'a', {}, false}, redis.status_reply('fine')}"), number(0)};
	EXPECT(execute("EVAL", script, 2, &r) && r.len == 4, "EVAL: %u", (unsigned)r.len);
	EXPECT(r.ptr[0].val.int64 == 1 && r.ptr[1].tag == BINARY && r.ptr[2].tag == NIL, "EVAL, what is in arrays");
	EXPECT(r.ptr[3].tag == STATUS && strcmp(cstr(&r.ptr[3].val.status), "fine") == 0, "EVAL, a status");
	EXPECT(failed(execute("NOSUCH", NULL, 0, &r), "unknown command"), "NOSUCH: %s", said(&e));
	EXPECT(failed(execute("SUBSCRIBE", missing, 1, &r), "cannot be used"), "SUBSCRIBE: %s", said(&e));
	// Commands of one connection follow each other on it, also in a transaction.
	guest_string_t value = str("one");
	EXPECT(execute("MULTI", NULL, 0, &r), "MULTI: %s", said(&e));
	EXPECT(!add("tx-set", &value, 1, &count) && e.tag == TYPE_ERROR, "sadd in MULTI: %s", said(&e));
	EXPECT(set("tx", "1"), "set in MULTI: %s", said(&e));
	EXPECT(execute("EXEC", NULL, 0, &r) && r.len == 2 && r.ptr[0].tag == INT64 && r.ptr[1].tag == STATUS, "EXEC: %s", said(&e));
	reply(200, "");
}

static void check1(void) {
	char *header = request_header("address");
	guest_string_t a = str(header ? header : ""), key = str("first"), nothing = str("not a URL"), channel = str("a-channel");
	fermyon_spin_redis_payload_t v = {(uint8_t *)"41", 2};
	uint8_t err = 0;
	int64_t n;
	EXPECT(fermyon_spin_redis_set(&a, &key, &v, &err), "set: %d", err);
	EXPECT(fermyon_spin_redis_incr(&a, &key, &n, &err) && n == 42, "incr: %l", n);
	EXPECT(fermyon_spin_redis_get(&a, &key, &v, &err) && v.len == 2 && memcmp(v.ptr, "42", 2) == 0, "get");
	guest_list_string_t keys = {&key, 1}, all;
	EXPECT(fermyon_spin_redis_del(&a, &keys, &n, &err) && n == 1, "del: %l", n);
	EXPECT(fermyon_spin_redis_get(&a, &key, &v, &err) && v.len == 0, "get of nothing");
	guest_string_t members[] = {str("a"), str("b")};
	guest_list_string_t values = {members, 2};
	EXPECT(fermyon_spin_redis_sadd(&a, &key, &values, &n, &err) && n == 2, "sadd: %l", n);
	EXPECT(fermyon_spin_redis_smembers(&a, &key, &all, &err) && all.len == 2, "smembers");
	EXPECT(!fermyon_spin_redis_get(&a, &key, &v, &err) && err == FERMYON_SPIN_REDIS_TYPES_ERROR_ERROR, "get of a set");
	EXPECT(fermyon_spin_redis_srem(&a, &key, &values, &n, &err) && n == 2, "srem: %l", n);
	v = (fermyon_spin_redis_payload_t){(uint8_t *)"m", 1};
	EXPECT(fermyon_spin_redis_publish(&a, &channel, &v, &err), "publish");
	fermyon_spin_redis_redis_parameter_t p[] = {{.tag = 1, .val.binary = {(uint8_t *)"first", 5}}, {.tag = 0, .val.int64 = 7}};
	fermyon_spin_redis_list_redis_parameter_t params = {p, 2};
	fermyon_spin_redis_list_redis_result_t r;
	guest_string_t command = str("INCRBY");
	EXPECT(fermyon_spin_redis_execute(&a, &command, &params, &r, &err) && r.len == 1 && r.ptr[0].val.int64 == 7, "execute");
	EXPECT(fermyon_spin_redis_del(&a, &keys, &n, &err) && n == 1, "del: %l", n);
	EXPECT(!fermyon_spin_redis_get(&nothing, &key, &v, &err) && err == FERMYON_SPIN_REDIS_TYPES_ERROR_ERROR, "get from nowhere");
	reply(200, "");
}

static void many(void) {
	int n = 0;
	while (n < 1000 && open_connection()) n++;
	replyf(200, "%d %s", n, said(&e));
}

static void get1(const char *name) {
	char *header = request_header("address");
	guest_string_t a = str(header ? header : ""), key = str(name);
	fermyon_spin_redis_payload_t v;
	uint8_t err;
	if (!fermyon_spin_redis_get(&a, &key, &v, &err)) {
		reply(500, "error");
		return;
	}
	guest_string_t t = {v.ptr, v.len};
	reply(200, cstr(&t));
}

static void run(char *command) {
	parameter_t p[10];
	size_t n = 0;
	results_t r;
	EXPECT(open_connection(), "%s", said(&e));
	for (char *plus; n < 10 && (plus = strchr(command, '+')); n++) {
		char *word = strrchr(command, '+') + 1; // from the end
		p[9 - n] = text(word);
		word[-1] = 0;
	}
	EXPECT(execute(command, p + 10 - n, n, &r), "%s", said(&e));
	static char out[3000];
	size_t len = 0;
	for (size_t i = 0; i < r.len; i++) {
		result_t v = r.ptr[i];
		switch (v.tag) {
		case NIL: len += format(out + len, sizeof out - len, "nil "); break;
		case STATUS: len += format(out + len, sizeof out - len, "+%s ", cstr(&v.val.status)); break;
		case INT64: len += format(out + len, sizeof out - len, ":%l ", v.val.int64); break;
		case BINARY: {
			guest_string_t t = {v.val.binary.ptr, v.val.binary.len};
			len += format(out + len, sizeof out - len, "%s ", cstr(&t));
		}
		}
	}
	reply(200, out);
}

void serve(char *path) {
	if (strcmp(path, "/conformance") == 0) {
		conformance();
	} else if (strcmp(path, "/check/1") == 0) {
		check1();
	} else if (strcmp(path, "/many") == 0) {
		many();
	} else if (strncmp(path, "/get/", 5) == 0) {
		get1(path + 5);
	} else if (strncmp(path, "/run/", 5) == 0) {
		run(path + 5);
	} else if (!open_connection()) {
		reply(500, said(&e));
	} else if (strcmp(path, "/check/2") == 0) {
		check_sets();
	} else if (strcmp(path, "/check/2/execute") == 0) {
		check_execute();
	} else {
		reply(200, "open");
	}
}
