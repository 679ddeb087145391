#include "reply.h"

#include <stdarg.h>

static wasi_http_types_own_incoming_request_t request;
static wasi_http_types_own_response_outparam_t outparam;

guest_string_t str(const char *s) {
	guest_string_t t = {(uint8_t *)s, strlen(s)};
	return t;
}

char *cstr(const guest_string_t *s) {
	char *c = malloc(s->len + 1);
	memcpy(c, s->ptr, s->len);
	c[s->len] = 0;
	return c;
}

wasi_http_types_borrow_incoming_request_t request_self(void) { return wasi_http_types_borrow_incoming_request(request); }

char *request_header(const char *name) {
	wasi_http_types_own_headers_t headers = wasi_http_types_method_incoming_request_headers(request_self());
	wasi_http_types_list_field_value_t values = {0};
	guest_string_t key = str(name);
	wasi_http_types_method_fields_get(wasi_http_types_borrow_fields(headers), &key, &values);
	char *found = NULL;
	if (values.len > 0) {
		guest_string_t v = {values.ptr[0].ptr, values.ptr[0].len};
		found = cstr(&v);
	}
	wasi_http_types_fields_drop_own(headers);
	return found;
}

const char *request_method(void) {
	wasi_http_types_method_t m;
	wasi_http_types_method_incoming_request_method(request_self(), &m);
	switch (m.tag) {
	case WASI_HTTP_TYPES_METHOD_GET: return "GET";
	case WASI_HTTP_TYPES_METHOD_POST: return "POST";
	}
	return "other";
}

static void must(bool ok) {
	if (!ok) abort();
}

// The body is written to its end before the response is given away: what a host
// does not buffer for nobody would hang here.
void reply(int status, const char *body) {
	wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
	if (*body == 0) {
		wasi_http_types_field_value_t zero = {(uint8_t *)"0", 1};
		wasi_http_types_list_field_value_t values = {&zero, 1};
		guest_string_t name = str("content-length");
		wasi_http_types_header_error_t e;
		must(wasi_http_types_method_fields_set(wasi_http_types_borrow_fields(headers), &name, &values, &e));
	}
	wasi_http_types_own_outgoing_response_t response = wasi_http_types_constructor_outgoing_response(headers);
	wasi_http_types_borrow_outgoing_response_t r = wasi_http_types_borrow_outgoing_response(response);
	must(wasi_http_types_method_outgoing_response_set_status_code(r, status));
	wasi_http_types_own_outgoing_body_t out;
	must(wasi_http_types_method_outgoing_response_body(r, &out));
	wasi_http_types_own_output_stream_t stream;
	must(wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(out), &stream));
	for (size_t left = strlen(body); left > 0;) {
		guest_list_u8_t part = {(uint8_t *)body, left < 4096 ? left : 4096};
		wasi_io_streams_stream_error_t e;
		if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &part, &e)) break;
		body += part.len;
		left -= part.len;
	}
	wasi_io_streams_output_stream_drop_own(stream);
	wasi_http_types_error_code_t code;
	wasi_http_types_static_outgoing_body_finish(out, NULL, &code);
	wasi_http_types_result_own_outgoing_response_error_code_t result = {.is_err = false, .val = {.ok = response}};
	wasi_http_types_static_response_outparam_set(outparam, &result);
}

static size_t vformat(char *to, size_t n, const char *format, va_list args) {
	size_t len = 0;
	for (; *format; format++) {
		char digits[24], *s = digits;
		if (*format != '%') {
			digits[0] = *format, digits[1] = 0;
		} else if (*++format == 's') {
			s = va_arg(args, char *);
		} else if (*format == '%') {
			digits[0] = '%', digits[1] = 0;
		} else {
			int64_t v = *format == 'l' ? va_arg(args, int64_t) : *format == 'u' ? (int64_t)va_arg(args, unsigned) : (int64_t)va_arg(args, int);
			uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
			s = digits + sizeof digits;
			*--s = 0;
			do *--s = '0' + u % 10; while (u /= 10);
			if (v < 0) *--s = '-';
		}
		for (; *s && len + 1 < n; s++) to[len++] = *s;
	}
	if (n > 0) to[len] = 0;
	return len;
}

size_t format(char *to, size_t n, const char *format, ...) {
	va_list args;
	va_start(args, format);
	size_t len = vformat(to, n, format, args);
	va_end(args);
	return len;
}

void replyf(int status, const char *format, ...) {
	static char text[4000];
	va_list args;
	va_start(args, format);
	vformat(text, sizeof text, format, args);
	va_end(args);
	reply(status, text);
}

void exports_wasi_http_incoming_handler_handle(exports_wasi_http_incoming_handler_own_incoming_request_t req,
	exports_wasi_http_incoming_handler_own_response_outparam_t out) {
	request = req;
	outparam = out;
	guest_string_t path;
	if (!wasi_http_types_method_incoming_request_path_with_query(request_self(), &path)) path = str("/");
	serve(cstr(&path));
}
