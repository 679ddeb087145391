// A core module as the bindings generators of 2023 and 2024 leave it: it imports
// wasi:http by its canonical names, WASI preview 1 for its libc, and says in a
// component-type section what component it is to be. /env prints a variable,
// /read<path> a file, /sleep sleeps, /out prints, /flood prints one page for ever
// in one call, /create writes a file, /open leaves files open and says which number
// the last one has, anything else greets.
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/uio.h>

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.0"), import_name(name)))
#define STREAMS(name) __attribute__((import_module("wasi:io/streams@0.2.0"), import_name(name)))

HTTP("[constructor]fields") int fields_new(void);
HTTP("[method]incoming-request.path-with-query") void request_path(int, int *);
HTTP("[constructor]outgoing-response") int response_new(int);
HTTP("[method]outgoing-response.body") void response_body(int, int *);
HTTP("[method]outgoing-body.write") void out_body_write(int, int *);
HTTP("[static]outgoing-body.finish") void out_body_finish(int, int, int, int *);
HTTP("[static]response-outparam.set") void outparam_set(int, int, int, int, int64_t, int, int, int, int);
HTTP("[resource-drop]incoming-request") void drop_request(int);
STREAMS("[method]output-stream.blocking-write-and-flush") void out_write(int, const char *, int, int *);
STREAMS("[resource-drop]output-stream") void drop_out(int);

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  void *p = realloc(old, size);
  if (!p) abort();
  return p;
}

static int ret[16] __attribute__((aligned(8)));
static void need(int ok) { if (!ok) abort(); }
static int result(void) { need((ret[0] & 0xff) == 0); return ret[1]; }

static void reply(int out, const char *text) {
  int response = response_new(fields_new());
  response_body(response, ret);
  int body = result();
  outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
  out_body_write(body, ret);
  int stream = result();
  out_write(stream, text, strlen(text), ret);
  need((ret[0] & 0xff) == 0);
  drop_out(stream);
  out_body_finish(body, 0, 0, ret);
  need((ret[0] & 0xff) == 0);
}

static char text[1 << 16];

static void flood(void) {
  static struct iovec v[1 << 16];
  for (int i = 0; i < 1 << 16; i++) v[i] = (struct iovec){text, sizeof text};
  for (;;) writev(1, v, 1 << 16);
}

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle")))
void handle(int request, int out) {
  request_path(request, ret);
  need((ret[0] & 0xff) == 1);
  char path[256] = {0};
  need(ret[2] < (int)sizeof path);
  memcpy(path, (char *)ret[1], ret[2]);
  drop_request(request);
  if (!strcmp(path, "/env")) {
    snprintf(text, sizeof text, "WHO=%s", getenv("WHO") ? getenv("WHO") : "");
  } else if (!strncmp(path, "/read", 5)) {
    FILE *f = fopen(path + 5, "r");
    if (!f) snprintf(text, sizeof text, "%s", strerror(errno));
    else text[fread(text, 1, sizeof text - 1, f)] = 0;
  } else if (!strcmp(path, "/create")) {
    FILE *f = fopen("/new", "w");
    snprintf(text, sizeof text, "%s", f ? "created" : strerror(errno));
  } else if (!strcmp(path, "/open")) {
    int last = -1;
    for (int i = 0; i < 10; i++) last = open("/dir/page", O_RDONLY);
    snprintf(text, sizeof text, "%d", last);
  } else if (!strcmp(path, "/sleep")) {
    struct timespec t = {3600, 0};
    nanosleep(&t, 0);
  } else if (!strcmp(path, "/flood")) {
    flood();
  } else if (!strcmp(path, "/abort")) {
    abort();
  } else if (!strcmp(path, "/exit")) {
    exit(0);
  } else {
    if (!strcmp(path, "/out")) {
      printf("to stdout\n");
      fprintf(stderr, "to stderr\n");
      fflush(stdout);
    }
    static int hits;
    snprintf(text, sizeof text, "Hello from a core module %d", ++hits);
  }
  reply(out, text);
}
