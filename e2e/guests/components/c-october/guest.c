// A component of the time of Spin 2.0, without libc. /e echoes, /f<authority>
// fetches, /x splits a header, anything else greets.
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned long size_t;

#define RC "@0.2.0-rc-2023-10-18"
#define HTTP(name) __attribute__((import_module("wasi:http/types" RC), import_name(name)))
#define STREAMS(name) __attribute__((import_module("wasi:io/streams" RC), import_name(name)))
#define POLL(name) __attribute__((import_module("wasi:io/poll" RC), import_name(name)))

HTTP("[constructor]fields") i32 fields_new(const void *, i32);
HTTP("[method]fields.append") void fields_append(i32, const char *, i32, const char *, i32);
HTTP("[method]incoming-request.path-with-query") void request_path(i32, i32 *);
HTTP("[method]incoming-request.consume") void request_consume(i32, i32 *);
HTTP("[method]incoming-body.stream") void in_body_stream(i32, i32 *);
HTTP("[constructor]outgoing-response") i32 response_new(i32, i32);
HTTP("[method]outgoing-response.write") void response_body(i32, i32 *);
HTTP("[method]outgoing-body.write") void out_body_write(i32, i32 *);
HTTP("[static]outgoing-body.finish") void out_body_finish(i32, i32, i32);
HTTP("[static]response-outparam.set") void outparam_set(i32, i32, i32, i32, i32);
HTTP("[constructor]outgoing-request")
i32 out_request_new(i32, const char *, i32, i32, const char *, i32, i32, i32, const char *, i32, i32, const char *, i32, i32);
HTTP("[method]future-incoming-response.subscribe") i32 future_subscribe(i32);
HTTP("[method]future-incoming-response.get") void future_get(i32, i32 *);
HTTP("[method]incoming-response.status") i32 in_response_status(i32);
__attribute__((import_module("wasi:http/outgoing-handler" RC), import_name("handle")))
void outgoing_handle(i32, i32, i32, i32, i32, i32, i32, i32, i32 *);
__attribute__((import_module("wasi:clocks/monotonic-clock" RC), import_name("subscribe"))) i32 clock_subscribe(i64, i32);
POLL("poll-list") void poll_list(const i32 *, i32, i32 *);
POLL("poll-one") void poll_one(i32);
POLL("[resource-drop]pollable") void drop_pollable(i32);
STREAMS("[method]output-stream.blocking-write-and-flush") void out_write(i32, const char *, i32, i32 *);
STREAMS("[method]output-stream.forward") void out_forward(i32, i32, i32 *);
STREAMS("[resource-drop]output-stream") void drop_out(i32);

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

static i32 answer(i32 out, i32 *body) {
  struct { const char *name; i32 name_len; const char *value; i32 value_len; } entry = {"content-type", 12, "text/plain", 10};
  i32 response = response_new(201, fields_new(&entry, 1));
  response_body(response, ret);
  *body = result();
  outparam_set(out, 0, response, 0, 0);
  out_body_write(*body, ret);
  return result();
}

static void finish(i32 body, i32 stream) {
  drop_out(stream);
  out_body_finish(body, 0, 0);
}

static void wait(i32 pollable) {
  i32 never = clock_subscribe(1LL << 62, 0);
  i32 list[2] = {never, pollable};
  poll_list(list, 2, ret);
  need(ret[1] == 1 && *(i32 *)ret[0] == 1);
  poll_one(pollable);
  drop_pollable(pollable);
}

static void fetch(i32 out, const char *authority, i32 n) {
  i32 request = out_request_new(0, 0, 0, 1, "/", 1, 1, 0, 0, 0, 1, authority, n, fields_new(0, 0));
  outgoing_handle(request, 1, 1, 1000, 0, 0, 0, 0, ret);
  i32 future = result();
  wait(future_subscribe(future));
  future_get(future, ret);
  // option, result, result, and a status or an error
  need((ret[0] & 0xff) == 1 && (ret[1] & 0xff) == 0);
  i32 failed = ret[2] & 0xff, handle = ret[3], kind = ret[3] & 0xff;
  const char *text = (const char *)ret[4];
  i32 text_len = ret[5], body, stream = answer(out, &body);
  char number[] = "status 000";
  if (failed) {
    number[0] = 'e'; number[1] = 'r'; number[2] = 'r'; number[3] = 'o'; number[4] = 'r'; number[5] = ' ';
    number[6] = '0' + kind;
    out_write(stream, number, 7, ret);
    out_write(stream, text, text_len, ret);
  } else {
    i32 status = in_response_status(handle);
    number[7] = '0' + status / 100; number[8] = '0' + status / 10 % 10; number[9] = '0' + status % 10;
    out_write(stream, number, 10, ret);
  }
  finish(body, stream);
}

__attribute__((export_name("wasi:http/incoming-handler" RC "#handle")))
void handle(i32 request, i32 out) {
  i32 body, stream;
  request_path(request, ret);
  const char *path = (const char *)ret[1];
  i32 n = ret[2];
  switch (n > 1 ? path[1] : 0) {
  case 'e':
    request_consume(request, ret);
    in_body_stream(result(), ret);
    i32 in = result();
    stream = answer(out, &body);
    out_forward(stream, in, ret);
    need((ret[0] & 0xff) == 0);
    finish(body, stream);
    return;
  case 'f': fetch(out, path + 2, n - 2); return;
  case 'x': fields_append(fields_new(0, 0), "x", 1, "a\r\nb", 4); return;
  }
  stream = answer(out, &body);
  out_write(stream, "Hello from October", 18, ret);
  need((ret[0] & 0xff) == 0);
  finish(body, stream);
}
