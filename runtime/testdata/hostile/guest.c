// A guest that breaks the rules, one by each path, and greets at any other: the
// canonical ABI by hand, without libc. See handle.
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned long size_t;

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.0"), import_name(name)))
#define STREAMS(name) __attribute__((import_module("wasi:io/streams@0.2.0"), import_name(name)))
#define POLL(name) __attribute__((import_module("wasi:io/poll@0.2.0"), import_name(name)))
#define THINGS(name) __attribute__((import_module("[export]neutrino:guest/things"), import_name(name)))

HTTP("[constructor]fields") i32 fields_new(void);
HTTP("[method]fields.append") void fields_append(i32, const char *, i32, const char *, i32, i32 *);
HTTP("[method]fields.entries") void fields_entries(i32, i32 *);
HTTP("[resource-drop]fields") void drop_fields(i32);
HTTP("[method]incoming-request.path-with-query") void request_path(i32, i32 *);
HTTP("[method]incoming-request.authority") void request_authority(i32, i32 *);
HTTP("[resource-drop]incoming-request") void drop_request(i32);
HTTP("[constructor]outgoing-response") i32 response_new(i32);
HTTP("[method]outgoing-response.body") void response_body(i32, i32 *);
HTTP("[method]outgoing-body.write") void out_body_write(i32, i32 *);
HTTP("[static]outgoing-body.finish") void out_body_finish(i32, i32, i32, i32 *);
HTTP("[static]response-outparam.set") void outparam_set(i32, i32, i32, i32, i64, i32, i32, i32, i32);
HTTP("[constructor]outgoing-request") i32 out_request_new(i32);
HTTP("[method]outgoing-request.set-authority") i32 out_request_authority(i32, i32, const char *, i32);
HTTP("[method]outgoing-request.set-scheme") i32 out_request_scheme(i32, i32, i32, const char *, i32);
HTTP("[method]outgoing-request.set-path-with-query") i32 out_request_path(i32, i32, const char *, i32);
HTTP("[method]future-incoming-response.subscribe") i32 future_subscribe(i32);
HTTP("[method]future-incoming-response.get") void future_get(i32, i32 *);
__attribute__((import_module("wasi:http/outgoing-handler@0.2.0"), import_name("handle")))
void outgoing_handle(i32, i32, i32, i32 *);
__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.0"), import_name("subscribe-duration"))) i32 clock_subscribe(i64);
POLL("[method]pollable.block") void pollable_block(i32);
POLL("poll") void poll_list(const i32 *, i32, i32 *);
STREAMS("[method]output-stream.blocking-write-and-flush") void out_write(i32, const char *, i32, i32 *);
STREAMS("[resource-drop]output-stream") void drop_out(i32);
THINGS("[resource-new]thing") i32 thing_new(i32);
THINGS("[resource-drop]thing") void drop_thing(i32);

static u8 arena[1 << 16] __attribute__((aligned(16)));
static size_t used;
static i32 lie;  // what the allocator does, see handle
static i32 lent; // a handle to fields
static volatile i32 never;

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  switch (lie) {
  case 1: return arena + 1;
  case 2: return (void *)0xfffffff0;
  case 3: __builtin_trap();
  case 4: fields_new(); break;
  case 5: drop_fields(lent); break;
  case 6: while (!never) {}
  case 7: return arena; // always the same: only its own memory suffers
  }
  used = (used + align - 1) & -align;
  if (used + size > sizeof arena) __builtin_trap();
  void *p = arena + used;
  used += size;
  return p;
}

__attribute__((export_name("neutrino:guest/things#[dtor]thing")))
void thing_dtor(i32 rep) { if (rep == 7) __builtin_trap(); }

static i32 ret[16] __attribute__((aligned(8)));
static void need(int ok) { if (!ok) __builtin_trap(); }
static i32 result(void) { need((ret[0] & 0xff) == 0); return ret[1]; }

static i32 open_reply(i32 out, i32 fields, i32 *body) {
  i32 response = response_new(fields);
  response_body(response, ret);
  *body = result();
  outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
  out_body_write(*body, ret);
  return result();
}

static i32 new_body(void) {
  response_body(response_new(fields_new()), ret);
  return result();
}

static void put(i32 stream, const char *s, i32 n) { out_write(stream, s, n, ret); need((ret[0] & 0xff) == 0); }

static void finish(i32 body, i32 stream) {
  drop_out(stream);
  out_body_finish(body, 0, 0, ret);
  need((ret[0] & 0xff) == 0);
}

static i32 field(const char *name, i32 name_len, const char *value, i32 value_len) {
  i32 f = fields_new();
  fields_append(f, name, name_len, value, value_len, ret);
  need((ret[0] & 0xff) == 0);
  return f;
}

static volatile char page[16];

// recurse needs a frame of its own each time.
__attribute__((noinline)) static i32 recurse(i32 n) {
  volatile i32 frame[4] = {n};
  return never ? 0 : recurse(n + 1) + frame[0];
}

// fetch asks for the path of this request from its own server.
static void fetch(i32 request, const char *path, i32 n) {
  request_authority(request, ret);
  need((ret[0] & 0xff) == 1);
  const char *authority = (const char *)ret[1];
  i32 authority_len = ret[2], out = out_request_new(fields_new());
  need(out_request_scheme(out, 1, 0, 0, 0) == 0);
  need(out_request_authority(out, 1, authority, authority_len) == 0);
  need(out_request_path(out, 1, path, n) == 0);
  outgoing_handle(out, 0, 0, ret);
  need((ret[0] & 0xff) == 0);
  i32 future = ret[2];
  pollable_block(future_subscribe(future));
  future_get(future, ret);
}

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle")))
void handle(i32 request, i32 out) {
  i32 body, stream, f;
  request_path(request, ret);
  need((ret[0] & 0xff) == 1);
  const char *path = (const char *)ret[1];
  i32 n = ret[2], kind = n > 1 ? path[1] : 0;
  switch (kind) {
  case '1': case '2': case '3': case '4': case '5': case '6': case '7': // the allocator lies
    lent = field("x", 1, "value", 5);
    lie = kind - '0';
    fields_entries(lent, ret);
    lie = 0;
    break;
  case 'a': drop_fields(request); return;        // a handle of another type
  case 'b': f = fields_new(); drop_fields(f); drop_fields(f); return; // dropped twice
  case 'c': drop_request(request); request_path(request, ret); return; // used after it was dropped
  case 'd': drop_fields(1 << 28); return;        // no handle at all
  case 'e': // answers twice
    stream = open_reply(out, fields_new(), &body);
    outparam_set(out, 0, response_new(fields_new()), 0, 0, 0, 0, 0, 0);
    return;
  case 'f': // writes after it has finished the body
    body = new_body();
    out_body_write(body, ret);
    stream = result();
    put(stream, "all", 3);
    out_body_finish(body, 0, 0, ret); // its stream is still there
    put(stream, "more", 4);
    return;
  case 'g': // finishes its body twice
    body = new_body();
    out_body_finish(body, 0, 0, ret);
    need((ret[0] & 0xff) == 0);
    out_body_finish(body, 0, 0, ret);
    return;
  case 'h': // splits its headers, and is told
    f = fields_new();
    fields_append(f, "x", 1, "a\r\nset-cookie: b", 16, ret);
    need((ret[0] & 0xff) == 1 && (ret[0] >> 8 & 0xff) == 0);
    fields_append(f, "x\r\ny", 4, "a", 1, ret);
    need((ret[0] & 0xff) == 1);
    fields_append(f, "x", 1, "a\0b", 3, ret);
    need((ret[0] & 0xff) == 1);
    stream = open_reply(out, f, &body);
    put(stream, "unsplit", 7);
    finish(body, stream);
    return;
  case 'i': // 100,000 headers
    f = fields_new();
    for (i32 i = 0; i < 100000; i++) fields_append(f, "x", 1, "v", 1, ret);
    open_reply(out, f, &body);
    return;
  case 'j': // a reply that never ends
    stream = open_reply(out, fields_new(), &body);
    put(stream, "begun", 5);
    pollable_block(clock_subscribe(1LL << 62));
    return;
  case 'k': pollable_block(clock_subscribe(1LL << 62)); return; // one that never starts
  case 'l': thing_new(7); drop_thing(thing_new(8)); drop_thing(thing_new(7)); return; // a destructor that traps
  case 'm': fetch(request, path, n); return;     // asks for itself, and so on
  case 'n': // asks for another page of its own
    fetch(request, "/", 1);
    need((ret[0] & 0xff) == 1 && (ret[2] & 0xff) == 0 && (ret[4] & 0xff) == 0);
    break;
  case 'o': poll_list(0, 0, ret); return;        // waits for nothing
  case 'p': // points beyond its memory
    fields_append(fields_new(), (const char *)0xfffffff0, 32, "v", 1, ret);
    return;
  case 'q': // has its result written beyond its memory
    request_path(request, (i32 *)0xfffffff0);
    return;
  case 'r': // and to where it is not aligned
    request_path(request, (i32 *)((u8 *)ret + 1));
    return;
  case 's': // a list that is too long
    poll_list((i32 *)16, 0x7fffffff, ret);
    return;
  case 'u': page[0] = recurse(n); break; // calls itself for ever
  case 't': // keeps making handles
    for (;;) fields_new();
  }
  stream = open_reply(out, fields_new(), &body);
  put(stream, "well", 4);
  finish(body, stream);
}
