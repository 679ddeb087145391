// A guest of Spin 1, by hand and without libc. It is built twice: with the names
// of wit-bindgen 0.2, as a core module that says nothing of itself, and, with
// MODERN, as a component. What it does its URI says: see handle.
typedef int i32;
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned long size_t;

#ifdef MODERN
#define CONFIG __attribute__((import_module("fermyon:spin/config"), import_name("get-config")))
#define HANDLE "fermyon:spin/inbound-http#handle-request"
#define REALLOC "cabi_realloc"
#else
#define CONFIG __attribute__((import_module("spin-config"), import_name("get-config")))
#define HANDLE "handle-http-request"
#define REALLOC "canonical_abi_realloc"
#endif

CONFIG void get_config(const char *, i32, i32 *);

static u8 arena[1 << 20] __attribute__((aligned(16)));
static size_t used;

__attribute__((export_name(REALLOC)))
void *reallocate(void *old, size_t old_size, size_t align, size_t size) {
  used = (used + align - 1) & -align;
  if (used + size > sizeof arena) __builtin_trap();
  void *p = arena + used;
  used += size;
  return p;
}

#ifndef MODERN
__attribute__((export_name("canonical_abi_free")))
void release(void *p, size_t size, size_t align) {}
#endif

struct text { const char *p; i32 n; };
struct header { struct text name, value; };

static struct {
  u16 status, padding;
  u8 has_headers;
  const struct header *headers;
  i32 headers_n;
  u8 has_body;
  const char *body;
  i32 body_n;
} response;

static char out[1 << 16];
static i32 written;

static void put(const char *s, i32 n) {
  for (i32 i = 0; i < n; i++) out[written++] = s[i];
}

static int is(struct text t, const char *s) {
  i32 i = 0;
  for (; i < t.n && s[i]; i++)
    if (t.p[i] != s[i]) return 0;
  return i == t.n && !s[i];
}

#define TEXT(s) {s, sizeof s - 1}
static const struct header headers[] = {{TEXT("content-type"), TEXT("text/plain")}, {TEXT("set-cookie"), TEXT("a=1")}, {TEXT("Set-Cookie"), TEXT("b=2")}};
static const struct header split[] = {{TEXT("x"), TEXT("a\r\nb: c")}};

__attribute__((export_name(HANDLE)))
void *handle(i32 method, const char *uri_p, i32 uri_n, const struct header *in, i32 in_n, i32 params, i32 params_n, i32 has_body,
             const char *body, i32 body_n) {
  struct text uri = {uri_p, uri_n};
  response.status = 200;
  response.has_headers = 1;
  response.headers = headers;
  response.headers_n = 3;
  response.has_body = 1;
  if (is(uri, "/config")) {
    i32 ret[3];
    get_config("greeting", 8, ret);
    if ((ret[0] & 0xff) != 0) __builtin_trap();
    put((const char *)ret[1], ret[2]);
  } else if (is(uri, "/echo?a=b")) {
    out[written++] = '0' + method;
    out[written++] = '0' + has_body;
    put(body, body_n);
  } else if (is(uri, "/headers")) {
    for (i32 i = 0; i < in_n; i++) {
      put(in[i].name.p, in[i].name.n);
      put(": ", 2);
      put(in[i].value.p, in[i].value.n);
      put("\n", 1);
    }
  } else if (is(uri, "/none")) {
    response.status = 404;
    response.has_headers = response.has_body = 0;
  } else if (is(uri, "/status")) {
    response.status = 601;
  } else if (is(uri, "/split")) {
    response.headers = split;
    response.headers_n = 1;
  } else if (is(uri, "/trap")) {
    __builtin_trap();
  } else {
    put("Hello from Spin 1 ", 18);
    static i32 hits;
    out[written++] = '0' + ++hits;
  }
  response.body = out;
  response.body_n = written;
  return &response;
}
