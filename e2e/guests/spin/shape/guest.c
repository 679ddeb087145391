// Checks what a request looks like from inside, as Spin's own suite does: asked
// for /base/path/end/rest?key=value of example.com, by the route
// /base/:path_segment/:path_end/... it replies 200 without a body.
#include "reply.h"

static const struct { const char *name, *value; } want[] = {
	{"spin-raw-component-route", "/base/:path_segment/:path_end/..."},
	{"spin-full-url", "http://example.com/base/path/end/rest?key=value"},
	{"spin-path-info", "/rest"},
	{"spin-base-path", "/"},
	{"spin-component-route", "/base/:path_segment/:path_end"},
	{"spin-path-match-path-segment", "path"},
	{"spin-path-match-path-end", "end"},
	{"spin-matched-route", "/base/:path_segment/:path_end/..."},
};

enum { wanted = sizeof want / sizeof *want };

void serve(char *path) {
	EXPECT(strcmp(request_method(), "GET") == 0, "method %s", request_method());
	EXPECT(strcmp(path, "/base/path/end/rest?key=value") == 0, "path %s", path);
	guest_string_t authority;
	EXPECT(wasi_http_types_method_incoming_request_authority(request_self(), &authority), "no authority");
	EXPECT(strcmp(cstr(&authority), "example.com") == 0, "authority %s", cstr(&authority));

	int seen[wanted] = {0}, clients = 0;
	wasi_http_types_list_tuple2_field_name_field_value_t entries;
	wasi_http_types_own_headers_t headers = wasi_http_types_method_incoming_request_headers(request_self());
	wasi_http_types_method_fields_entries(wasi_http_types_borrow_fields(headers), &entries);
	for (size_t i = 0; i < entries.len; i++) {
		char *name = cstr(&entries.ptr[i].f0);
		guest_string_t v = {entries.ptr[i].f1.ptr, entries.ptr[i].f1.len};
		char *value = cstr(&v);
		EXPECT(strcmp(name, "host") != 0, "header host");
		if (strncmp(name, "spin-", 5) != 0 && strncmp(name, "spin_", 5) != 0) continue;
		if (strcmp(name, "spin-client-addr") == 0) {
			char *colon = strrchr(value, ':');
			EXPECT(colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1), "spin-client-addr: %s", value);
			clients++;
			continue;
		}
		int w = 0;
		while (w < wanted && strcmp(name, want[w].name) != 0) w++;
		EXPECT(w < wanted, "%s is not Spin's", name);
		EXPECT(strcmp(value, want[w].value) == 0, "%s: %s", name, value);
		seen[w]++;
	}
	EXPECT(clients == 1, "%d spin-client-addr", clients);
	for (int w = 0; w < wanted; w++) EXPECT(seen[w] == 1, "%d times %s", seen[w], want[w].name);
	reply(200, "");
}
