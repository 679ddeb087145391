// A guest that does harm to its server, in one way for each path: the canonical
// ABI by hand, without libc. See handle. At any other path it answers.
typedef int i32;
typedef long long i64;
typedef unsigned char u8;
typedef unsigned long size_t;

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.0"), import_name(name)))
#define POLL(name) __attribute__((import_module("wasi:io/poll@0.2.0"), import_name(name)))
#define THINGS(name) __attribute__((import_module("[export]neutrino:guest/things"), import_name(name)))

HTTP("[constructor]fields") i32 fields_new(void);
HTTP("[method]incoming-request.path-with-query") void request_path(i32, i32 *);
HTTP("[constructor]outgoing-response") i32 response_new(i32);
HTTP("[static]response-outparam.set") void outparam_set(i32, i32, i32, i32, i64, i32, i32, i32, i32);
__attribute__((import_module("wasi:clocks/monotonic-clock@0.2.0"), import_name("subscribe-duration"))) i32 clock_subscribe(i64);
POLL("[method]pollable.block") void pollable_block(i32);
THINGS("[resource-new]thing") i32 thing_new(i32);
THINGS("[resource-drop]thing") void drop_thing(i32);

static u8 arena[1 << 10] __attribute__((aligned(16)));
static volatile i32 greedy, never, found;

__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  while (greedy) {}
  if (size > sizeof arena) __builtin_trap();
  return arena;
}

__attribute__((export_name("neutrino:guest/things#[dtor]thing")))
void thing_dtor(i32 rep) { while (!never) {} }

// calls takes for ever and has no loop.
__attribute__((noinline, disable_tail_calls)) static i32 calls(i32 n) { return n < 2 ? 1 : calls(n - 1) + calls(n - 2); }

// recurse needs a frame of its own each time.
__attribute__((noinline, disable_tail_calls)) static i32 recurse(i32 n) {
  volatile i32 frame[4] = {n};
  return never ? 0 : recurse(n + 1) + frame[0];
}

// size is that of the memory in bytes.
static size_t size(void) { return __builtin_wasm_memory_size(0) << 16; }

// grow takes all memory that there is, and asks for more until it has asked a
// thousand times.
static void grow(void) {
  i32 refused = 0;
  for (i32 i = 0; i < 1000; i++) refused += __builtin_wasm_memory_grow(0, 16) == (size_t)-1;
  if (refused == 0) __builtin_trap();
}

// fill has one instruction after the other that writes to all memory.
static void fill(void) {
  __builtin_wasm_memory_grow(0, 256);
  while (!never) __builtin_memset((void *)0x10000, 1, size() - 0x10000);
}

// dirty writes to each page of all memory that it can have.
static void dirty(void) {
  for (i32 pages = 1 << 12; pages > 0; pages >>= 1)
    while (__builtin_wasm_memory_grow(0, pages) != (size_t)-1) {}
  for (size_t p = size() - 4096; p > 1 << 16; p -= 4096) (*(volatile u8 *)p)++;
}

__attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle")))
void handle(i32 request, i32 out) {
  i32 ret[4] __attribute__((aligned(8)));
  request_path(request, ret);
  if ((ret[0] & 0xff) != 1) __builtin_trap();
  switch (ret[2] > 1 ? ((u8 *)ret[1])[1] : 0) {
  case 'b': pollable_block(clock_subscribe(1LL << 62)); break; // waits for the host
  case 'c': found = calls(90); break;
  case 'd': drop_thing(thing_new(1)); break; // its destructor loops
  case 'f': fill(); break;
  case 'g': grow(); break;
  case 'l': while (!never) {} break;
  case 'r': greedy = 1; request_path(request, ret); break; // its allocator loops
  case 't': __builtin_trap();
  case 'u': found = recurse(0); break;
  case 'y': dirty(); break;
  }
  outparam_set(out, 0, response_new(fields_new()), 0, 0, 0, 0, 0, 0);
}
