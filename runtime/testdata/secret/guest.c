// A command of WASI preview 1 that leaves what its request said wherever it can,
// and another time looks for it. Its second argument is one letter for each thing
// to do, in order:
//
//	p  plant the secret, which is its standard input and an argument as well
//	c  close standard output
//	l  look for it, and print all that a guest can see
//	r  return, x exit with 0, e exit with 3, a trap, deep in recursion
//	s  spin, w wait, for ever
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

enum { files = 20, size = 1 << 20 };

static char kept[4096], *volatile beyond; // what the memory begins with
extern char **environ;

// The secret must not be in the binary, where it would be found.
static volatile char key = 2;

static void secret(char *to) {
  for (const char *c = "qgapgv"; *c; c++) *to++ = *c ^ key;
}

static void plant(void) {
  secret(kept + 100);
  if (!(beyond = malloc(size))) abort();
  secret(beyond + size - 100);
  if (!environ || setenv("LEFT", kept + 100, 1)) abort();
  for (int i = 0; i < files; i++) {
    int f = open(i % 2 ? "/page" : "/", O_RDONLY);
    if (f < 0 || (i % 2 && read(f, kept + 200 + i, 1) != 1)) abort();
  }
  if (close(0) || __wasi_fd_renumber(11, 0) || __wasi_fd_renumber(12, 40)) abort();
  if (write(2, "planted\n", 8) != 8) abort(); // the client leaves one that does not end
}

// found counts the secrets in memory but for the one that it compares with.
static int found(void) {
  static char want[8];
  secret(want);
  int n = 0;
  const char *end = (char *)(__builtin_wasm_memory_size(0) << 16);
  for (const char *p = (char *)8; p < end - 6; p++) n += p != want && !memcmp(p, want, 6);
  return n;
}

static void look(int argc, char **argv) {
  int n = found(), stack = 0, after = open("/page", O_RDONLY);
  printf("content-type: text/plain\n\nfound %d, memory %lu, stack %p, heap %p, file %d\n", n, __builtin_wasm_memory_size(0), (void *)&stack,
         malloc(100), after);
  for (int i = 0; i < argc; i++) printf("argument %s\n", argv[i]);
  for (char **e = environ; e && *e; e++) printf("%s\n", *e);
  for (int f = 0; f < 64; f++) {
    __wasi_fdstat_t s;
    __wasi_filesize_t at = 0;
    if (__wasi_fd_fdstat_get(f, &s)) continue;
    __wasi_errno_t tell = __wasi_fd_tell(f, &at);
    printf("descriptor %d: type %d, flags %d, at %llu (%d)\n", f, s.fs_filetype, s.fs_flags, at, tell);
  }
  char in[64];
  for (ssize_t n; (n = read(0, in, sizeof in)) > 0;) fwrite(in, 1, n, stdout);
  fflush(stdout);
}

// deep ends the guest in thousands of calls, of which the code that is left keeps
// count.
__attribute__((noinline)) static int deep(int n, char end) {
  static const struct timespec hour = {3600, 0};
  if (n > 0) return deep(n - 1, end) * 31 - key;
  if (end == 'x') exit(0);
  if (end == 'e') exit(3);
  if (end == 'a') __builtin_trap();
  while (end == 's') n += key;
  if (end == 'w') nanosleep(&hour, 0);
  return n;
}

int main(int argc, char **argv) {
  volatile char frame[256];
  frame[0] = 0; // of the stack in memory
  for (const char *todo = argc > 1 ? argv[1] : ""; *todo; todo++) {
    if (*todo == 'p') plant();
    else if (*todo == 'c') close(1);
    else if (*todo == 'l') look(argc, argv);
    else deep(3000, *todo);
  }
  return frame[0];
}
