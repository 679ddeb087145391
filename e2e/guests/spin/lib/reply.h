// What guests share: a guest implements serve, which replies just once.
#ifndef REPLY_H
#define REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

// serve answers a request for a path, with its query.
void serve(char *path);

// reply sends a body of chunks, or, if it is "", one with content-length: 0.
void reply(int status, const char *body);

// format writes at most n bytes with the zero at the end; it knows %s, %d (int),
// %u (unsigned), %l (int64_t) and %%. It returns the length. There is no stdio
// here: it would bring WASI preview 1.
size_t format(char *to, size_t n, const char *format, ...);

// replyf is reply with a formatted body of at most 4000 bytes.
void replyf(int status, const char *format, ...);

// request_header returns the first value of a header, or NULL.
char *request_header(const char *name);

// request_method returns "GET", "POST", or "other".
const char *request_method(void);

// request_self is the request.
wasi_http_types_borrow_incoming_request_t request_self(void);

// str returns a string of the guest's own as the bindings have it.
guest_string_t str(const char *s);

// cstr returns a copy that ends in a zero byte.
char *cstr(const guest_string_t *s);

// expect replies with 500 and what was seen, and returns false, if ok is false.
#define EXPECT(ok, ...) do { if (!(ok)) { replyf(500, __VA_ARGS__); return; } } while (0)

#endif
