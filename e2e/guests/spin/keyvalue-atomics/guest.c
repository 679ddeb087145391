// Counts, compares and swaps through wasi:keyvalue/atomics.
//
//	/atomics  every function, and its errors
//	/count    adds one to a counter and replies with it
#include "reply.h"

typedef wasi_keyvalue_store_error_t error_t;

static const char *errors[] = {"no-such-store", "access-denied", "other"};

#define OK(call) do { if (!(call)) { replyf(500, "%s: %s: %s", #call, errors[e.tag], e.tag == 2 ? cstr(&e.val.other) : ""); return; } } while (0)

static guest_list_u8_t bytes(const char *s) {
	guest_list_u8_t l = {(uint8_t *)s, strlen(s)};
	return l;
}

static bool same(const guest_option_list_u8_t *o, const char *s) {
	return o->is_some && o->val.len == strlen(s) && memcmp(o->val.ptr, s, o->val.len) == 0;
}

static bool open(wasi_keyvalue_store_borrow_bucket_t *b, error_t *e) {
	guest_string_t l = str("default");
	wasi_keyvalue_store_own_bucket_t own;
	if (!wasi_keyvalue_store_open(&l, &own, e)) return false;
	*b = wasi_keyvalue_store_borrow_bucket(own);
	return true;
}

#define GET(key, out) wasi_keyvalue_store_method_bucket_get(b, &(key), &(out), &e)
#define SET(key, value) wasi_keyvalue_store_method_bucket_set(b, &(key), &(value), &e)
#define NEW(key, out) wasi_keyvalue_atomics_static_cas_new(b, &(key), &(out), &e)
#define CURRENT(cas, out) wasi_keyvalue_atomics_method_cas_current(wasi_keyvalue_atomics_borrow_cas(cas), &(out), &e)

static void atomics(void) {
	wasi_keyvalue_store_borrow_bucket_t b;
	error_t e;
	OK(open(&b, &e));
	guest_string_t n = str("n"), k = str("k");
	guest_option_list_u8_t got;
	int64_t sum;
	OK(wasi_keyvalue_atomics_increment(b, &n, 5, &sum, &e));
	EXPECT(sum == 5, "0 + 5 = %l", sum);
	OK(wasi_keyvalue_atomics_increment(b, &n, -7, &sum, &e));
	EXPECT(sum == -2, "5 - 7 = %l", sum);
	OK(GET(n, got));
	EXPECT(same(&got, "\xfe\xff\xff\xff\xff\xff\xff\xff"), "the counter is not eight bytes, little-endian");
	guest_list_u8_t seven = bytes("seven"), one = bytes("1"), two = bytes("2"), three = bytes("3");
	OK(SET(n, seven));
	EXPECT(!wasi_keyvalue_atomics_increment(b, &n, 1, &sum, &e) && e.tag == WASI_KEYVALUE_STORE_ERROR_OTHER, "a text was incremented");
	EXPECT(strcmp(cstr(&e.val.other), "value of \"n\" is invalid as a counter: it has 5 bytes, a counter has 8") == 0, "%s", cstr(&e.val.other));

	wasi_keyvalue_atomics_own_cas_t cas, again;
	wasi_keyvalue_atomics_cas_error_t ce;
	OK(NEW(k, cas));
	OK(CURRENT(cas, got));
	EXPECT(!got.is_some, "k is there");
	EXPECT(wasi_keyvalue_atomics_swap(cas, &one, &ce), "nothing was not swapped for 1");

	OK(NEW(k, cas));
	OK(CURRENT(cas, got));
	EXPECT(same(&got, "1"), "current is not 1");
	OK(SET(k, two)); // somebody else comes first
	EXPECT(!wasi_keyvalue_atomics_swap(cas, &three, &ce) && ce.tag == WASI_KEYVALUE_ATOMICS_CAS_ERROR_CAS_FAILED, "1 was swapped, and is 2");
	again = ce.val.cas_failed;
	OK(GET(k, got));
	EXPECT(same(&got, "2"), "a failed swap has changed k");
	EXPECT(wasi_keyvalue_atomics_swap(again, &three, &ce), "2 was not swapped for 3 by the cas of the failure");
	OK(GET(k, got));
	EXPECT(same(&got, "3"), "k is not 3");

	OK(NEW(k, cas)); // absent when looked at, there when swapped
	guest_string_t other = str("other");
	OK(NEW(other, again));
	OK(CURRENT(again, got));
	OK(SET(other, one));
	EXPECT(!wasi_keyvalue_atomics_swap(again, &two, &ce) && ce.tag == WASI_KEYVALUE_ATOMICS_CAS_ERROR_CAS_FAILED, "what was made meanwhile was overwritten");
	wasi_keyvalue_atomics_cas_drop_own(ce.val.cas_failed);
	EXPECT(wasi_keyvalue_atomics_swap(cas, &one, &ce), "a swap without a look does not take place");
	OK(GET(k, got));
	EXPECT(same(&got, "1"), "k is not 1 after a swap without a look");

	static wasi_keyvalue_atomics_own_cas_t all[300];
	int i = 0;
	while (i < 300 && NEW(k, all[i])) i++;
	EXPECT(i == 256 && e.tag == WASI_KEYVALUE_STORE_ERROR_OTHER && strcmp(cstr(&e.val.other), "too many compare_and_swaps opened") == 0, "%d swaps", i);
	wasi_keyvalue_atomics_cas_drop_own(all[3]);
	OK(NEW(k, all[3]));
	EXPECT(wasi_keyvalue_atomics_swap(all[4], &one, &ce), "one of many");
	OK(NEW(k, all[4]));
	reply(200, "");
}

static void count(void) {
	wasi_keyvalue_store_borrow_bucket_t b;
	error_t e;
	OK(open(&b, &e));
	guest_string_t key = str("count");
	int64_t sum;
	OK(wasi_keyvalue_atomics_increment(b, &key, 1, &sum, &e));
	replyf(200, "%l", sum);
}

void serve(char *path) {
	if (strcmp(path, "/atomics") == 0) atomics();
	else if (strcmp(path, "/count") == 0) count();
	else reply(404, "no such check");
}
