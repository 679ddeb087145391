// Uses key-value stores through each of the interfaces that have them.
//
//	/conformance    the checks of Spin's own suite: 200 without a body
//	/no-permission  opens "default"; 500 "Error::AccessDenied" if it may not
//	/v2 /v1 /wasi /batch  every function of an interface, and its errors
//	/table          opens stores until no more can be, by each interface
//	/stale          uses a handle of the first version after it was closed
//	/unicode        has every character in a key
//	/lengths/N      has keys of all lengths from 0 to N
//	/open/LABEL  /get/KEY  /set/KEY/VALUE  /delete/KEY  /keys  /count
//	/key/N          sets a key of N bytes
//	/value/N        sets a value of N bytes
//	/many/N         sets N keys in batches of a thousand
//	/burst/read /burst/write  goes on until it is refused
//
// What a store answers with an error is 500 and the error.
#include "reply.h"

typedef fermyon_spin_2_0_0_key_value_error_t error_t;
typedef fermyon_spin_2_0_0_key_value_borrow_store_t store_t;

static const char *errors[] = {"store-table-full", "no-such-store", "access-denied", "other"};
static const char *v1_errors[] = {"store-table-full", "no-such-store", "access-denied", "invalid-store", "no-such-key", "io"};
static const char *wasi_errors[] = {"no-such-store", "access-denied", "other"};

static const char *said(bool has, guest_string_t *s) { return has ? cstr(s) : ""; }

#define FAIL(e) replyf(500, "%s: %s", errors[(e).tag], said((e).tag == 3, &(e).val.other))
#define FAIL1(e) replyf(500, "%s: %s", v1_errors[(e).tag], said((e).tag == 5, &(e).val.io))
#define FAILW(e) replyf(500, "%s: %s", wasi_errors[(e).tag], said((e).tag == 2, &(e).val.other))
#define OK(call) do { if (!(call)) { FAIL(e); return; } } while (0)
#define OK1(call) do { if (!(call)) { FAIL1(e); return; } } while (0)
#define OKW(call) do { if (!(call)) { FAILW(e); return; } } while (0)

static guest_list_u8_t bytes(const char *s) {
	guest_list_u8_t l = {(uint8_t *)s, strlen(s)};
	return l;
}

static bool same(const guest_list_u8_t *l, const char *s) { return l->len == strlen(s) && memcmp(l->ptr, s, l->len) == 0; }

static bool open(const char *label, store_t *s, error_t *e) {
	guest_string_t l = str(label);
	fermyon_spin_2_0_0_key_value_own_store_t own;
	if (!fermyon_spin_2_0_0_key_value_static_store_open(&l, &own, e)) return false;
	*s = fermyon_spin_2_0_0_key_value_borrow_store(own);
	return true;
}

#define GET(key, out) fermyon_spin_2_0_0_key_value_method_store_get(s, &(key), &(out), &e)
#define SET(key, value) fermyon_spin_2_0_0_key_value_method_store_set(s, &(key), &(value), &e)
#define DELETE(key) fermyon_spin_2_0_0_key_value_method_store_delete(s, &(key), &e)
#define EXISTS(key, out) fermyon_spin_2_0_0_key_value_method_store_exists(s, &(key), &(out), &e)
#define KEYS(out) fermyon_spin_2_0_0_key_value_method_store_get_keys(s, &(out), &e)

// functions asks for what every store can do. It leaves the store empty.
static void functions(bool forbidden) {
	store_t s;
	error_t e;
	if (forbidden) EXPECT(!open("forbidden", &s, &e) && e.tag == FERMYON_SPIN_2_0_0_KEY_VALUE_ERROR_ACCESS_DENIED, "forbidden is not denied");
	OK(open("default", &s, &e));
	guest_string_t key = str("bar");
	guest_list_u8_t baz = bytes("baz"), wow = bytes("wow");
	guest_option_list_u8_t value;
	guest_list_string_t keys;
	bool there;
	OK(DELETE(key));
	OK(EXISTS(key, there));
	EXPECT(!there, "bar is there");
	OK(GET(key, value));
	EXPECT(!value.is_some, "bar has a value");
	OK(KEYS(keys));
	EXPECT(keys.len == 0, "there are %d keys", (int)keys.len);
	OK(SET(key, baz));
	OK(EXISTS(key, there));
	EXPECT(there, "bar is not there");
	OK(GET(key, value));
	EXPECT(value.is_some && same(&value.val, "baz"), "bar is not baz");
	OK(SET(key, wow));
	OK(GET(key, value));
	EXPECT(value.is_some && same(&value.val, "wow"), "bar is not wow");
	OK(KEYS(keys));
	EXPECT(keys.len == 1 && strcmp(cstr(&keys.ptr[0]), "bar") == 0, "the keys are not [bar]");
	OK(DELETE(key));
	OK(DELETE(key));
	OK(EXISTS(key, there));
	EXPECT(!there, "bar is there after it was deleted");
	OK(GET(key, value));
	EXPECT(!value.is_some, "bar has a value after it was deleted");
	OK(KEYS(keys));
	EXPECT(keys.len == 0, "there are %d keys at the end", (int)keys.len);
	reply(200, "");
}

static void no_permission(void) {
	store_t s;
	error_t e;
	if (open("default", &s, &e)) {
		reply(200, "");
		return;
	}
	replyf(500, "Error::%s", e.tag == FERMYON_SPIN_2_0_0_KEY_VALUE_ERROR_ACCESS_DENIED ? "AccessDenied" : "Other");
}

static void v1(void) {
	uint32_t s;
	fermyon_spin_key_value_error_t e;
	guest_string_t key = str("forbidden");
	guest_list_u8_t value = bytes("one"), got;
	guest_list_string_t keys;
	bool there;
	EXPECT(!fermyon_spin_key_value_open(&key, &s, &e) && e.tag == FERMYON_SPIN_KEY_VALUE_ERROR_ACCESS_DENIED, "forbidden is not denied");
	key = str("default");
	OK1(fermyon_spin_key_value_open(&key, &s, &e));
	key = str("v1");
	EXPECT(!fermyon_spin_key_value_get(s, &key, &got, &e) && e.tag == FERMYON_SPIN_KEY_VALUE_ERROR_NO_SUCH_KEY, "v1 is there");
	OK1(fermyon_spin_key_value_delete(s, &key, &e));
	OK1(fermyon_spin_key_value_set(s, &key, &value, &e));
	OK1(fermyon_spin_key_value_exists(s, &key, &there, &e));
	EXPECT(there, "v1 does not exist");
	OK1(fermyon_spin_key_value_get(s, &key, &got, &e));
	EXPECT(same(&got, "one"), "v1 is not one");
	OK1(fermyon_spin_key_value_get_keys(s, &keys, &e));
	EXPECT(keys.len == 1, "%d keys", (int)keys.len);
	OK1(fermyon_spin_key_value_delete(s, &key, &e));
	OK1(fermyon_spin_key_value_exists(s, &key, &there, &e));
	EXPECT(!there, "v1 is there after it was deleted");
	fermyon_spin_key_value_close(s);
	fermyon_spin_key_value_close(s);
	fermyon_spin_key_value_close(12345);
	reply(200, "");
}

static void stale(void) {
	uint32_t s;
	fermyon_spin_key_value_error_t e;
	guest_string_t name = str("default");
	guest_list_string_t keys;
	OK1(fermyon_spin_key_value_open(&name, &s, &e));
	fermyon_spin_key_value_close(s);
	fermyon_spin_key_value_get_keys(s, &keys, &e);
	reply(200, "the handle still works");
}

static bool wasi_open(const char *label, wasi_keyvalue_store_borrow_bucket_t *b, wasi_keyvalue_store_error_t *e) {
	guest_string_t l = str(label);
	wasi_keyvalue_store_own_bucket_t own;
	if (!wasi_keyvalue_store_open(&l, &own, e)) return false;
	*b = wasi_keyvalue_store_borrow_bucket(own);
	return true;
}

static void wasi(void) {
	wasi_keyvalue_store_borrow_bucket_t b;
	wasi_keyvalue_store_error_t e;
	wasi_keyvalue_store_key_response_t list;
	EXPECT(!wasi_open("forbidden", &b, &e) && e.tag == WASI_KEYVALUE_STORE_ERROR_ACCESS_DENIED, "forbidden is not denied");
	OKW(wasi_open("default", &b, &e));
	guest_string_t key = str("wasi"), cursor = str("1");
	guest_list_u8_t two = bytes("two");
	guest_option_list_u8_t value;
	bool there;
	OKW(wasi_keyvalue_store_method_bucket_delete(b, &key, &e));
	OKW(wasi_keyvalue_store_method_bucket_get(b, &key, &value, &e));
	EXPECT(!value.is_some, "wasi is there");
	OKW(wasi_keyvalue_store_method_bucket_set(b, &key, &two, &e));
	OKW(wasi_keyvalue_store_method_bucket_exists(b, &key, &there, &e));
	EXPECT(there, "wasi does not exist");
	OKW(wasi_keyvalue_store_method_bucket_get(b, &key, &value, &e));
	EXPECT(value.is_some && same(&value.val, "two"), "wasi is not two");
	EXPECT(!wasi_keyvalue_store_method_bucket_list_keys(b, &cursor, &list, &e) && e.tag == WASI_KEYVALUE_STORE_ERROR_OTHER &&
		strcmp(cstr(&e.val.other), "list_keys: cursor not supported") == 0, "a cursor is no error");
	OKW(wasi_keyvalue_store_method_bucket_list_keys(b, NULL, &list, &e));
	EXPECT(list.keys.len == 1 && !list.cursor.is_some, "%d keys", (int)list.keys.len);
	// It is the same store as that of the other interface.
	store_t s;
	error_t e2;
	EXPECT(open("default", &s, &e2) && fermyon_spin_2_0_0_key_value_method_store_get(s, &key, &value, &e2) && value.is_some, "it is another store");
	OKW(wasi_keyvalue_store_method_bucket_delete(b, &key, &e));
	reply(200, "");
}

static void batch(void) {
	wasi_keyvalue_store_borrow_bucket_t b;
	wasi_keyvalue_store_error_t e;
	OKW(wasi_open("default", &b, &e));
	guest_tuple2_string_list_u8_t pairs[] = {{str("b"), bytes("1")}, {str("a"), bytes("2")}, {str("b"), bytes("3")}};
	guest_list_tuple2_string_list_u8_t all = {pairs, 3}, none = {pairs, 0};
	OKW(wasi_keyvalue_batch_set_many(b, &all, &e));
	OKW(wasi_keyvalue_batch_set_many(b, &none, &e));
	guest_string_t names[] = {str("b"), str("missing"), str("a")};
	guest_list_string_t keys = {names, 3};
	guest_list_tuple2_string_option_list_u8_t found;
	OKW(wasi_keyvalue_batch_get_many(b, &keys, &found, &e));
	// What is missing is left out, as in Spin.
	EXPECT(found.len == 2, "%d pairs", (int)found.len);
	EXPECT(strcmp(cstr(&found.ptr[0].f0), "b") == 0 && found.ptr[0].f1.is_some && same(&found.ptr[0].f1.val, "3"), "b is not 3");
	EXPECT(strcmp(cstr(&found.ptr[1].f0), "a") == 0 && found.ptr[1].f1.is_some && same(&found.ptr[1].f1.val, "2"), "a is not 2");
	OKW(wasi_keyvalue_batch_delete_many(b, &keys, &e));
	OKW(wasi_keyvalue_batch_get_many(b, &keys, &found, &e));
	EXPECT(found.len == 0, "%d pairs at the end", (int)found.len);
	keys.len = 0;
	OKW(wasi_keyvalue_batch_get_many(b, &keys, &found, &e));
	OKW(wasi_keyvalue_batch_delete_many(b, &keys, &e));
	EXPECT(found.len == 0, "%d pairs of none", (int)found.len);
	reply(200, "");
}

// table opens one store too many by each interface. They share one table.
static void table(void) {
	guest_string_t name = str("default");
	fermyon_spin_2_0_0_key_value_own_store_t own[300];
	error_t e;
	int n = 0;
	while (n < 300 && fermyon_spin_2_0_0_key_value_static_store_open(&name, &own[n], &e)) n++;
	EXPECT(n == 256 && e.tag == FERMYON_SPIN_2_0_0_KEY_VALUE_ERROR_STORE_TABLE_FULL, "%d stores, then %s", n, errors[e.tag]);
	uint32_t v1;
	fermyon_spin_key_value_error_t e1;
	EXPECT(!fermyon_spin_key_value_open(&name, &v1, &e1) && e1.tag == FERMYON_SPIN_KEY_VALUE_ERROR_STORE_TABLE_FULL, "v1 has room");
	wasi_keyvalue_store_own_bucket_t b;
	wasi_keyvalue_store_error_t ew;
	EXPECT(!wasi_keyvalue_store_open(&name, &b, &ew) && ew.tag == WASI_KEYVALUE_STORE_ERROR_OTHER && strcmp(cstr(&ew.val.other), "store table full") == 0, "wasi has room");
	fermyon_spin_2_0_0_key_value_store_drop_own(own[7]);
	EXPECT(fermyon_spin_key_value_open(&name, &v1, &e1), "v1 has no room after one was closed");
	fermyon_spin_key_value_close(v1);
	EXPECT(wasi_keyvalue_store_open(&name, &b, &ew), "wasi has no room after one was closed");
	reply(200, "");
}

// utf8 writes a character and returns its length.
static size_t utf8(uint8_t *to, uint32_t c) {
	if (c < 0x80) return to[0] = c, 1;
	if (c < 0x800) return to[0] = 0xc0 | c >> 6, to[1] = 0x80 | (c & 0x3f), 2;
	if (c < 0x10000) return to[0] = 0xe0 | c >> 12, to[1] = 0x80 | (c >> 6 & 0x3f), to[2] = 0x80 | (c & 0x3f), 3;
	return to[0] = 0xf0 | c >> 18, to[1] = 0x80 | (c >> 12 & 0x3f), to[2] = 0x80 | (c >> 6 & 0x3f), to[3] = 0x80 | (c & 0x3f), 4;
}

// unicode has keys of two thousand characters each, until all were in one, and
// finds each under its own.
static void unicode(void) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	uint8_t text[8000];
	for (int round = 0; round < 2; round++) {
		uint32_t c = 0, n = 0;
		while (c <= 0x10ffff) {
			guest_string_t key = {text, 0};
			for (int i = 0; i < 2000 && c <= 0x10ffff; c++) {
				if (c >= 0xd800 && c < 0xe000) continue;
				key.len += utf8(text + key.len, c);
				i++;
			}
			guest_list_u8_t value = {(uint8_t *)&n, sizeof n};
			if (round == 0) {
				OK(SET(key, value));
			} else {
				guest_option_list_u8_t got;
				OK(GET(key, got));
				EXPECT(got.is_some && got.val.len == sizeof n && memcmp(got.val.ptr, &n, sizeof n) == 0, "key %d is lost", (int)n);
				free(got.val.ptr);
				OK(DELETE(key));
			}
			n++;
		}
	}
	reply(200, "");
}

static void lengths(size_t most) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	uint8_t *text = malloc(most + 1);
	memset(text, 'k', most + 1);
	for (size_t n = 0; n <= most; n++) {
		guest_string_t key = {text, n};
		guest_list_u8_t value = {(uint8_t *)&n, sizeof n};
		OK(SET(key, value));
	}
	for (size_t n = 0; n <= most; n++) {
		guest_string_t key = {text, n};
		guest_option_list_u8_t got;
		OK(GET(key, got));
		EXPECT(got.is_some && memcmp(got.val.ptr, &n, sizeof n) == 0, "the key of %d bytes is lost", (int)n);
		free(got.val.ptr);
		OK(DELETE(key));
	}
	reply(200, "");
}

static void get(char *name) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	guest_string_t key = str(name);
	guest_option_list_u8_t value;
	OK(GET(key, value));
	if (!value.is_some) {
		reply(404, "(none)");
		return;
	}
	guest_string_t v = {value.val.ptr, value.val.len};
	reply(200, cstr(&v));
}

static void set(guest_string_t key, guest_list_u8_t value) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	OK(SET(key, value));
	reply(200, "set");
}

static void remove_key(char *name) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	guest_string_t key = str(name);
	OK(DELETE(key));
	reply(200, "deleted");
}

static void list(bool count) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	guest_list_string_t keys;
	OK(KEYS(keys));
	if (count) {
		replyf(200, "%d", (int)keys.len);
		return;
	}
	char lines[4000] = "";
	size_t n = 0;
	for (size_t i = 0; i < keys.len && n < sizeof lines; i++) n += format(lines + n, sizeof lines - n, "%s\n", cstr(&keys.ptr[i]));
	reply(200, lines);
}

static guest_string_t filled(size_t n) {
	guest_string_t s = {malloc(n + 1), n};
	memset(s.ptr, 'k', n);
	return s;
}

static void many(int n) {
	wasi_keyvalue_store_borrow_bucket_t b;
	wasi_keyvalue_store_error_t e;
	OKW(wasi_open("default", &b, &e));
	static guest_tuple2_string_list_u8_t pairs[1000];
	static char names[1000][16];
	for (int i = 0; i < n;) {
		guest_list_tuple2_string_list_u8_t all = {pairs, 0};
		for (; all.len < 1000 && i < n; i++, all.len++) {
			format(names[all.len], 16, "key %d", i);
			pairs[all.len].f0 = str(names[all.len]);
			pairs[all.len].f1 = bytes("");
		}
		OKW(wasi_keyvalue_batch_set_many(b, &all, &e));
	}
	reply(200, "set");
}

static void burst(bool write) {
	store_t s;
	error_t e;
	OK(open("default", &s, &e));
	guest_string_t key = str("burst");
	guest_list_u8_t value = bytes("");
	guest_option_list_u8_t got;
	for (int i = 0; i < 1000000; i++) {
		if (write ? SET(key, value) : GET(key, got)) continue;
		replyf(200, "%s: %s", errors[e.tag], said(e.tag == 3, &e.val.other));
		return;
	}
	reply(200, "never refused");
}

static void open_label(char *label) {
	store_t s;
	error_t e;
	OK(open(label, &s, &e));
	reply(200, "open");
}

static char *after(char *path, const char *prefix) {
	size_t n = strlen(prefix);
	return strncmp(path, prefix, n) == 0 ? path + n : NULL;
}

static int number(const char *s) {
	int n = 0;
	for (; *s >= '0' && *s <= '9'; s++) n = n * 10 + *s - '0';
	return n;
}

void serve(char *path) {
	char *rest, *value;
	if (strcmp(path, "/conformance") == 0) functions(true);
	else if (strcmp(path, "/v2") == 0) functions(false);
	else if (strcmp(path, "/no-permission") == 0) no_permission();
	else if (strcmp(path, "/v1") == 0) v1();
	else if (strcmp(path, "/wasi") == 0) wasi();
	else if (strcmp(path, "/batch") == 0) batch();
	else if (strcmp(path, "/table") == 0) table();
	else if (strcmp(path, "/stale") == 0) stale();
	else if (strcmp(path, "/unicode") == 0) unicode();
	else if ((rest = after(path, "/lengths/"))) lengths(number(rest));
	else if ((rest = after(path, "/open/"))) open_label(rest);
	else if ((rest = after(path, "/get/"))) get(rest);
	else if ((rest = after(path, "/delete/"))) remove_key(rest);
	else if ((rest = after(path, "/set/")) && (value = strchr(rest, '/'))) {
		*value++ = 0;
		set(str(rest), bytes(value));
	} else if (strcmp(path, "/keys") == 0) list(false);
	else if (strcmp(path, "/count") == 0) list(true);
	else if ((rest = after(path, "/key/"))) set(filled(number(rest)), bytes("v"));
	else if ((rest = after(path, "/value/"))) {
		guest_string_t v = filled(number(rest));
		guest_list_u8_t l = {v.ptr, v.len};
		set(str("value"), l);
	} else if ((rest = after(path, "/many/"))) many(number(rest));
	else if (strcmp(path, "/burst/read") == 0) burst(false);
	else if (strcmp(path, "/burst/write") == 0) burst(true);
	else reply(404, "no such check");
}
