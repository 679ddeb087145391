// A component without libc: the canonical ABI written by hand. What it does is
// chosen by its path; see handle.
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned long size_t;

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.0"), import_name(name)))
#define STREAMS(name) __attribute__((import_module("wasi:io/streams@0.2.0"), import_name(name)))

HTTP("[constructor]fields") i32 fields_new(void);
HTTP("[method]fields.append") void fields_append(i32, const char *, i32, const char *, i32, i32 *);
HTTP("[method]incoming-request.path-with-query") void request_path(i32, i32 *);
HTTP("[method]incoming-request.consume") void request_consume(i32, i32 *);
HTTP("[method]incoming-body.stream") void in_body_stream(i32, i32 *);
HTTP("[constructor]outgoing-response") i32 response_new(i32);
HTTP("[method]outgoing-response.set-status-code") i32 response_status(i32, i32);
HTTP("[method]outgoing-response.body") void response_body(i32, i32 *);
HTTP("[method]outgoing-body.write") void out_body_write(i32, i32 *);
HTTP("[static]outgoing-body.finish") void out_body_finish(i32, i32, i32, i32 *);
HTTP("[static]response-outparam.set") void outparam_set(i32, i32, i32, i32, i64, i32, i32, i32, i32);
HTTP("[constructor]outgoing-request") i32 out_request_new(i32);
HTTP("[method]outgoing-request.set-scheme") i32 out_request_scheme(i32, i32, i32, const char *, i32);
HTTP("[method]outgoing-request.set-authority") i32 out_request_authority(i32, i32, const char *, i32);
HTTP("[method]outgoing-request.set-path-with-query") i32 out_request_path(i32, i32, const char *, i32);
HTTP("[method]future-incoming-response.subscribe") i32 future_subscribe(i32);
HTTP("[method]future-incoming-response.get") void future_get(i32, i32 *);
HTTP("[method]incoming-response.status") i32 in_response_status(i32);
HTTP("[method]incoming-response.consume") void in_response_consume(i32, i32 *);
HTTP("[resource-drop]incoming-request") void drop_request(i32);
HTTP("[resource-drop]incoming-body") void drop_in_body(i32);
HTTP("[resource-drop]outgoing-body") void drop_out_body(i32);
HTTP("[resource-drop]fields") void drop_fields(i32);
__attribute__((import_module("wasi:http/outgoing-handler@0.2.0"), import_name("handle")))
void outgoing_handle(i32, i32, i32, i32 *);
__attribute__((import_module("wasi:io/poll@0.2.0"), import_name("[method]pollable.block"))) void pollable_block(i32);
__attribute__((import_module("wasi:io/poll@0.2.0"), import_name("[resource-drop]pollable"))) void drop_pollable(i32);
STREAMS("[method]input-stream.blocking-read") void in_read(i32, i64, i32 *);
STREAMS("[method]output-stream.blocking-write-and-flush") void out_write(i32, const char *, i32, i32 *);
STREAMS("[method]output-stream.blocking-splice") void out_splice(i32, i32, i64, i32 *);
STREAMS("[resource-drop]output-stream") void drop_out(i32);
STREAMS("[resource-drop]input-stream") void drop_in(i32);

// An arena that is never emptied: an instance lives for one request.
static u8 arena[1 << 16] __attribute__((aligned(16)));
static size_t used;

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  used = (used + align - 1) & -align;
  if (used + size > sizeof arena) __builtin_trap();
  void *p = arena + used;
  used += size;
  return p;
}

static i32 ret[16] __attribute__((aligned(8)));
static void need(int ok) { if (!ok) __builtin_trap(); }
static i32 result(void) { need((ret[0] & 0xff) == 0); return ret[1]; }

static size_t length(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
static void set(i32 out, i32 response) { outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0); }
static void put(i32 stream, const char *s, i32 n) { out_write(stream, s, n, ret); need((ret[0] & 0xff) == 0); }

static i32 respond(i32 *body, const char *name, const char *value) {
  i32 fields = fields_new();
  fields_append(fields, name, length(name), value, length(value), ret);
  need((ret[0] & 0xff) == 0);
  i32 response = response_new(fields);
  response_body(response, ret);
  *body = result();
  return response;
}

static i32 open_out(i32 body) { out_body_write(body, ret); return result(); }

static void finish(i32 body, i32 stream) {
  drop_out(stream);
  out_body_finish(body, 0, 0, ret);
  need((ret[0] & 0xff) == 0);
}

static void echo(i32 request, i32 out) {
  i32 body, response = respond(&body, "content-type", "application/octet-stream");
  set(out, response);
  request_consume(request, ret);
  i32 in_body = result();
  in_body_stream(in_body, ret);
  i32 in = result(), stream = open_out(body);
  for (;;) {
    out_splice(stream, in, 1 << 16, ret);
    if ((ret[0] & 0xff) != 0) break;
  }
  drop_in(in);
  drop_in_body(in_body);
  finish(body, stream);
}

// drain reads the body and tells what came: its length and FNV-1a of 64 bits.
static void drain(i32 request, i32 out) {
  request_consume(request, ret);
  i32 in_body = result();
  in_body_stream(in_body, ret);
  i32 in = result(), count = 0;
  unsigned long long hash = 0xcbf29ce484222325;
  for (;;) {
    in_read(in, 1 << 15, ret);
    if ((ret[0] & 0xff) != 0) break;
    for (i32 i = 0; i < ret[2]; i++) hash = (hash ^ ((u8 *)ret[1])[i]) * 0x100000001b3;
    count += ret[2];
    used = 0;
  }
  char text[] = "0000000000 bytes, fnv 0000000000000000";
  for (i32 i = 9; i >= 0; i--, count /= 10) text[i] = '0' + count % 10;
  for (i32 i = 37; i >= 22; i--, hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
  i32 skip = 0, body, response = respond(&body, "content-type", "text/plain");
  while (skip < 9 && text[skip] == '0') skip++;
  set(out, response);
  i32 stream = open_out(body);
  put(stream, text + skip, 38 - skip);
  finish(body, stream);
}

// fetch answers with the status that http://<authority>/ gives, or with the
// number of the error-code.
static void fetch(i32 out, const char *authority, i32 n) {
  i32 request = out_request_new(fields_new());
  need(out_request_scheme(request, 1, 0, 0, 0) == 0);
  need(out_request_authority(request, 1, authority, n) == 0);
  need(out_request_path(request, 1, "/", 1) == 0);
  outgoing_handle(request, 0, 0, ret);
  need((ret[0] & 0xff) == 0);
  i32 future = ret[2], pollable = future_subscribe(future);
  pollable_block(pollable);
  drop_pollable(pollable);
  future_get(future, ret);
  need((ret[0] & 0xff) == 1 && (ret[2] & 0xff) == 0);
  char text[] = "status 000";
  i32 number = ret[6] & 0xff;
  if ((ret[4] & 0xff) == 0) number = in_response_status(ret[6]);
  else { text[0] = 'e'; text[1] = 'r'; text[2] = 'r'; text[3] = 'o'; text[4] = 'r'; text[5] = ' '; }
  text[7] = '0' + number / 100; text[8] = '0' + number / 10 % 10; text[9] = '0' + number % 10;
  i32 body, response = respond(&body, "content-type", "text/plain");
  set(out, response);
  i32 stream = open_out(body);
  put(stream, text, 10);
  finish(body, stream);
}

// number reads a decimal number.
static i32 number(const char *s, i32 n) {
  i32 v = 0;
  for (i32 i = 0; i < n; i++) v = v * 10 + (s[i] - '0');
  return v;
}

static volatile i32 never;
static char page[4096];
static i32 hits;

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle")))
void handle(i32 request, i32 out) {
  i32 body, response, stream;
  request_path(request, ret);
  const char *path = (const char *)ret[1];
  i32 n = ret[2];
  need((ret[0] & 0xff) == 1);
  switch (n > 1 ? path[1] : 0) {
  case 'a': // a: answers, and goes on for ever
    response = respond(&body, "content-type", "text/plain");
    set(out, response);
    stream = open_out(body);
    put(stream, "early", 5);
    finish(body, stream);
    while (!never) {}
    return;
  case 'b': // b<N>: writes N pages before it answers
    response = respond(&body, "content-type", "text/plain");
    stream = open_out(body);
    for (i32 i = number(path + 2, n - 2); i > 0; i--) put(stream, page, sizeof page);
    set(out, response);
    finish(body, stream);
    return;
  case 'c': // c: declares more than it writes
    response = respond(&body, "content-length", "10");
    set(out, response);
    stream = open_out(body);
    put(stream, "short", 5);
    drop_out(stream);
    out_body_finish(body, 0, 0, ret);
    need((ret[0] & 0xff) == 1); // it is told
    return;
  case 'd': // d: drops its body without finishing it
    response = respond(&body, "content-type", "text/plain");
    set(out, response);
    stream = open_out(body);
    put(stream, "half", 4);
    drop_out(stream);
    drop_out_body(body);
    return;
  case 'e': echo(request, out); return;
  case 'f': fetch(out, path + 2, n - 2); return; // f<authority>
  case 'g': // g: writes to a stream that it has dropped
    response = respond(&body, "content-type", "text/plain");
    set(out, response);
    stream = open_out(body);
    finish(body, stream);
    put(stream, "late", 4);
    return;
  case 'h': { // h: sets 100,000 headers
    i32 fields = fields_new();
    for (i32 i = 0; i < 100000; i++) fields_append(fields, "x-header", 8, "value", 5, ret);
    return;
  }
  case 'i': // i: uses a handle of another type
    drop_fields(request);
    return;
  case 'k': // k: declares less than it writes
    response = respond(&body, "content-length", "4");
    set(out, response);
    stream = open_out(body);
    out_write(stream, "too long", 8, ret);
    need((ret[0] & 0xff) == 1); // it is told
    return;
  case 'l': // l: loops before it answers
    while (!never) {}
    return;
  case 'n': return; // n: never answers
  case 'o': outparam_set(out, 1, 15, 0, 0, 0, 0, 0, 0); return; // o: an error
  case 'p': // p<N>: answers with N pages
    response = respond(&body, "content-type", "application/octet-stream");
    set(out, response);
    stream = open_out(body);
    n = number(path + 2, n - 2);
    for (i32 k = 0; k < n; k++) {
      for (i32 i = 0; i < (i32)sizeof page; i++) page[i] = i + k;
      put(stream, page, sizeof page);
    }
    finish(body, stream);
    return;
  case 'q': drain(request, out); return;
  case 'r': // r: splits its header
    fields_append(fields_new(), "x", 1, "a\r\nb: c", 7, ret);
    need((ret[0] & 0xff) == 1);
    fields_append(fields_new(), "host", 4, "h", 1, ret);
    need((ret[0] & 0xff) == 1 && (ret[0] >> 8 & 0xff) == 1);
    break;
  case 's': // s<N>: answers with that status
    response = response_new(fields_new());
    need(response_status(response, number(path + 2, n - 2)) == 0);
    set(out, response);
    return;
  case 't': __builtin_trap();
  case 'u': // u: traps after its head
    response = respond(&body, "content-type", "text/plain");
    set(out, response);
    stream = open_out(body);
    put(stream, "head", 4);
    __builtin_trap();
  case 'w': // w: writes for ever
    response = respond(&body, "content-type", "text/plain");
    set(out, response);
    stream = open_out(body);
    for (;;) put(stream, page, sizeof page);
  case 'x': // x: drops a handle twice
    drop_fields(1 << 20);
    return;
  case 'y': // y: drops a body before its stream
    response = respond(&body, "content-type", "text/plain");
    stream = open_out(body);
    drop_out_body(body);
    return;
  }
  response = respond(&body, "content-type", "text/plain");
  set(out, response);
  stream = open_out(body);
  put(stream, "Hello from C", 12);
  page[0] = '0' + ++hits;
  put(stream, page, 1); // 1, unless the instance is not fresh
  finish(body, stream);
}
