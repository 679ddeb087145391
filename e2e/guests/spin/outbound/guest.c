// Sends requests through wasi:http.
//
//	/conformance       the check of Spin's suite: POSTs "Hello, world!" to the
//	                   URL in the header "url" and gives back what it got
//	/METHOD/URL        asks that URL and says what came: "STATUS BODY", or
//	                   "handle: CODE" and "future: CODE" for the two ways in
//	                   which a request can fail. URL is scheme://authority/path;
//	                   "self:/path" has no authority.
#include "reply.h"

static const char *codes[] = {
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
	"destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout",
	"connection-read-timeout", "connection-write-timeout", "connection-limit-reached", "TLS-protocol-error",
	"TLS-certificate-error", "TLS-alert-received", "HTTP-request-denied", "HTTP-request-length-required",
	"HTTP-request-body-size", "HTTP-request-method-invalid", "HTTP-request-URI-invalid", "HTTP-request-URI-too-long",
	"HTTP-request-header-section-size", "HTTP-request-header-size", "HTTP-request-trailer-section-size",
	"HTTP-request-trailer-size", "HTTP-response-incomplete", "HTTP-response-header-section-size",
	"HTTP-response-header-size", "HTTP-response-body-size", "HTTP-response-trailer-section-size",
	"HTTP-response-trailer-size", "HTTP-response-transfer-coding", "HTTP-response-content-coding",
	"HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected", "configuration-error",
	"internal-error",
};

static const char *methods[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};

// A target is a URL in parts.
typedef struct {
	wasi_http_types_scheme_t scheme;
	bool relative;
	guest_string_t authority, path;
} target;

static target parse(char *url) {
	target t = {0};
	if (strncmp(url, "self:", 5) == 0) {
		t.relative = true;
		t.path = str(url + 5);
		return t;
	}
	char *rest = strstr(url, "://");
	*rest = 0;
	t.scheme.tag = strcmp(url, "https") == 0 ? WASI_HTTP_TYPES_SCHEME_HTTPS : WASI_HTTP_TYPES_SCHEME_HTTP;
	rest += 3;
	char *path = strchr(rest, '/');
	t.path = str(path ? path : "/");
	t.authority.ptr = (uint8_t *)rest;
	t.authority.len = path ? (size_t)(path - rest) : strlen(rest);
	return t;
}

static const char *wrong; // how the request failed, and code says why
static wasi_http_types_error_code_t code;

// ask sends a request, with a body if it is not NULL, and waits for the head.
static bool ask(int method, target t, const char *body, wasi_http_types_own_incoming_response_t *response) {
	wasi_http_types_own_fields_t headers = wasi_http_types_constructor_fields();
	if (body) {
		char digits[16];
		format(digits, sizeof digits, "%d", (int)strlen(body));
		wasi_http_types_field_value_t length = {(uint8_t *)digits, strlen(digits)};
		guest_string_t name = str("content-length");
		wasi_http_types_header_error_t e;
		wasi_http_types_method_fields_append(wasi_http_types_borrow_fields(headers), &name, &length, &e);
	}
	wasi_http_types_own_outgoing_request_t request = wasi_http_types_constructor_outgoing_request(headers);
	wasi_http_types_borrow_outgoing_request_t r = wasi_http_types_borrow_outgoing_request(request);
	wasi_http_types_method_t m = {.tag = method};
	wasi_http_types_method_outgoing_request_set_method(r, &m);
	if (!t.relative) {
		wasi_http_types_method_outgoing_request_set_scheme(r, &t.scheme);
		if (!wasi_http_types_method_outgoing_request_set_authority(r, &t.authority)) {
			wrong = "set-authority";
			return false;
		}
	}
	if (!wasi_http_types_method_outgoing_request_set_path_with_query(r, &t.path)) {
		wrong = "set-path-with-query";
		return false;
	}
	wasi_http_types_own_outgoing_body_t out;
	if (body) { // before the request is given away
		wasi_http_types_method_outgoing_request_body(r, &out);
		wasi_http_types_own_output_stream_t stream;
		wasi_http_types_method_outgoing_body_write(wasi_http_types_borrow_outgoing_body(out), &stream);
		guest_list_u8_t all = {(uint8_t *)body, strlen(body)};
		wasi_io_streams_stream_error_t e;
		wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(stream), &all, &e);
		wasi_io_streams_output_stream_drop_own(stream);
		wasi_http_types_static_outgoing_body_finish(out, NULL, &code);
	}
	wasi_http_outgoing_handler_own_future_incoming_response_t future;
	wrong = "handle";
	if (!wasi_http_outgoing_handler_handle(request, NULL, &future, &code)) return false;
	wrong = "future";
	wasi_http_types_borrow_future_incoming_response_t f = wasi_http_types_borrow_future_incoming_response(future);
	wasi_io_poll_own_pollable_t ready = wasi_http_types_method_future_incoming_response_subscribe(f);
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
	wasi_io_poll_pollable_drop_own(ready);
	wasi_http_types_result_result_own_incoming_response_error_code_void_t result;
	if (!wasi_http_types_method_future_incoming_response_get(f, &result) || result.is_err) abort();
	wasi_http_types_future_incoming_response_drop_own(future);
	if (result.val.ok.is_err) {
		code = result.val.ok.val.err;
		return false;
	}
	*response = result.val.ok.val.ok;
	return true;
}

// read_body reads at most size-1 bytes.
static const char *read_body(wasi_http_types_own_incoming_response_t response, char *to, size_t size) {
	wasi_http_types_own_incoming_body_t body;
	wasi_http_types_own_input_stream_t stream;
	wasi_http_types_method_incoming_response_consume(wasi_http_types_borrow_incoming_response(response), &body);
	wasi_http_types_method_incoming_body_stream(wasi_http_types_borrow_incoming_body(body), &stream);
	const char *end = "";
	size_t n = 0;
	while (n + 1 < size) {
		guest_list_u8_t part;
		wasi_io_streams_stream_error_t e;
		if (!wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(stream), size - 1 - n, &part, &e)) {
			if (e.tag != WASI_IO_STREAMS_STREAM_ERROR_CLOSED) {
				end = wasi_http_types_http_error_code(wasi_io_error_borrow_error(e.val.last_operation_failed), &code) ? codes[code.tag] : "unknown error";
			}
			break;
		}
		memcpy(to + n, part.ptr, part.len);
		n += part.len;
		free(part.ptr);
	}
	to[n] = 0;
	wasi_io_streams_input_stream_drop_own(stream);
	wasi_http_types_incoming_body_drop_own(body);
	wasi_http_types_incoming_response_drop_own(response);
	return end;
}

static void conformance(void) {
	wasi_http_types_own_incoming_response_t response;
	char *url = request_header("url"), body[100];
	EXPECT(url, "no header url");
	if (!ask(WASI_HTTP_TYPES_METHOD_POST, parse(url), "Hello, world!", &response)) {
		EXPECT(code.tag != WASI_HTTP_TYPES_ERROR_CODE_HTTP_REQUEST_DENIED || strcmp(wrong, "future"), "incoming-response#get: ErrorCode::HttpRequestDenied");
		replyf(500, "%s: %s", wrong, codes[code.tag]);
		return;
	}
	int status = wasi_http_types_method_incoming_response_status(wasi_http_types_borrow_incoming_response(response));
	const char *end = read_body(response, body, sizeof body);
	EXPECT(status == 200 && strcmp(body, "Hello, world!") == 0 && *end == 0, "%d %s %s", status, body, end);
	reply(200, body);
}

static void show(int method, char *url) {
	static char body[3000];
	wasi_http_types_own_incoming_response_t response;
	if (!ask(method, parse(url), method == WASI_HTTP_TYPES_METHOD_POST ? "Hello, world!" : NULL, &response)) {
		if (code.tag == WASI_HTTP_TYPES_ERROR_CODE_DNS_ERROR) {
			replyf(502, "%s: DNS-error %s %d", wrong, code.val.dns_error.rcode.is_some ? cstr(&code.val.dns_error.rcode.val) : "",
				code.val.dns_error.info_code.is_some ? (int)code.val.dns_error.info_code.val : -1);
			return;
		}
		replyf(502, "%s: %s", wrong, codes[code.tag]);
		return;
	}
	int status = wasi_http_types_method_incoming_response_status(wasi_http_types_borrow_incoming_response(response));
	const char *end = read_body(response, body, sizeof body);
	replyf(200, *end ? "%d %s (%s)" : "%d %s", status, body, end);
}

void serve(char *path) {
	if (strcmp(path, "/conformance") == 0) {
		conformance();
		return;
	}
	if (strcmp(path, "/") == 0) { // what others ask
		replyf(200, "%s from %s", request_header("spin-full-url"), request_header("spin-client-addr"));
		return;
	}
	for (int m = 0; m < 9; m++) {
		size_t n = strlen(methods[m]);
		if (strncmp(path + 1, methods[m], n) == 0 && path[n + 1] == '/') {
			show(m, path + n + 2);
			return;
		}
	}
	replyf(200, "%s %s at %s, route %s, from %s", request_method(), path, request_header("spin-full-url"),
		request_header("spin-component-route"), request_header("spin-client-addr"));
}
