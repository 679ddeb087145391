// A command of preview 1 that the adapter makes a command of 0.2: it does what
// its first argument says.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define CHECK(what) do { if (!(what)) { printf("line %d: %s: %s\n", __LINE__, #what, strerror(errno)); exit(9); } } while (0)

// FAILS wants a call to fail with an errno.
#define FAILS(call, code) do { errno = 0; CHECK((call) < 0); if (errno != code) { \
  printf("line %d: %s: errno %d (%s), want %d\n", __LINE__, #call, errno, strerror(errno), code); exit(9); } } while (0)

static void files(void) {
  char buf[64];
  struct stat st;
  int fd = open("a.txt", O_CREAT | O_EXCL | O_RDWR, 0666);
  CHECK(fd >= 0);
  CHECK(write(fd, "hello world", 11) == 11);
  CHECK(lseek(fd, 6, SEEK_SET) == 6);
  CHECK(read(fd, buf, sizeof buf) == 5 && memcmp(buf, "world", 5) == 0);
  CHECK(read(fd, buf, sizeof buf) == 0);
  CHECK(pread(fd, buf, 4, 1) == 4 && memcmp(buf, "ello", 4) == 0);
  CHECK(ftruncate(fd, 5) == 0);
  CHECK(fstat(fd, &st) == 0 && st.st_size == 5 && S_ISREG(st.st_mode));
  struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 2000, .tv_nsec = 7}};
  CHECK(futimens(fd, times) == 0);
  CHECK(fstat(fd, &st) == 0 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
  CHECK(fsync(fd) == 0);
  CHECK(close(fd) == 0);
  FAILS(open("a.txt", O_CREAT | O_EXCL | O_RDWR, 0666), EEXIST);
  FAILS(open("none", O_RDONLY), ENOENT);
  FAILS(open("a.txt", O_RDONLY | O_DIRECTORY), ENOTDIR);
  fd = open("a.txt", O_WRONLY | O_APPEND);
  CHECK(fd >= 0 && write(fd, "!", 1) == 1 && close(fd) == 0);
  CHECK(stat("a.txt", &st) == 0 && st.st_size == 6);
  FAILS(open("../a.txt", O_RDONLY), EPERM);
}

static void directories(void) {
  struct stat st, other;
  CHECK(mkdir("d", 0777) == 0);
  FAILS(mkdir("d", 0777), EEXIST);
  CHECK(rename("a.txt", "d/b.txt") == 0);
  FAILS(rmdir("d"), ENOTEMPTY);
  FAILS(unlink("d"), EISDIR);
  FAILS(rmdir("d/b.txt"), ENOTDIR);
  CHECK(link("d/b.txt", "c.txt") == 0);
  CHECK(stat("d/b.txt", &st) == 0 && stat("c.txt", &other) == 0 && st.st_ino == other.st_ino && st.st_nlink == 2);
  CHECK(symlink("d/b.txt", "s") == 0);
  CHECK(lstat("s", &st) == 0 && S_ISLNK(st.st_mode));
  CHECK(stat("s", &st) == 0 && S_ISREG(st.st_mode));
  char target[16] = {0};
  CHECK(readlink("s", target, sizeof target) == 7 && strcmp(target, "d/b.txt") == 0);
  FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
  int seen = 0;
  DIR *dir = opendir(".");
  CHECK(dir);
  for (struct dirent *e; (e = readdir(dir));) {
    if (strcmp(e->d_name, "d") == 0) { CHECK(e->d_type == DT_DIR); seen |= 1; }
    if (strcmp(e->d_name, "c.txt") == 0) { CHECK(e->d_type == DT_REG); seen |= 2; }
    if (strcmp(e->d_name, "s") == 0) { CHECK(e->d_type == DT_LNK); seen |= 4; }
  }
  closedir(dir);
  CHECK(seen == 7);
  CHECK(unlink("s") == 0 && unlink("c.txt") == 0 && unlink("d/b.txt") == 0 && rmdir("d") == 0);
  FAILS(unlink("c.txt"), ENOENT);
}

static void clocks(void) {
  struct timespec wall, before, after;
  CHECK(clock_gettime(CLOCK_REALTIME, &wall) == 0 && wall.tv_sec > 1700000000);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &before) == 0);
  struct timespec nap = {.tv_nsec = 2000000};
  CHECK(nanosleep(&nap, NULL) == 0);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &after) == 0);
  CHECK((after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec >= 2000000);
  unsigned char a[32] = {0}, b[32] = {0};
  CHECK(getentropy(a, sizeof a) == 0 && getentropy(b, sizeof b) == 0 && memcmp(a, b, sizeof a) != 0);
}

static void cat(int fd) {
  static char buf[100000];
  for (ssize_t n; (n = read(fd, buf, sizeof buf)) != 0;) {
    CHECK(n > 0);
    for (ssize_t done = 0; done < n;) {
      ssize_t w = write(1, buf + done, n - done);
      CHECK(w > 0);
      done += w;
    }
  }
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "args") == 0) for (int i = 2; i < argc; i++) puts(argv[i]);
  if (strcmp(verb, "env") == 0) for (char **e = environ; *e; e++) puts(*e);
  if (strcmp(verb, "exit") == 0) exit(atoi(argv[2]));
  if (strcmp(verb, "abort") == 0) abort();
  if (strcmp(verb, "cat") == 0) cat(0);
  if (strcmp(verb, "files") == 0) { files(); directories(); clocks(); }
  if (strcmp(verb, "stderr") == 0) fputs("to stderr\n", stderr);
  if (strcmp(verb, "read") == 0) {
    int fd = open(argv[2], O_RDONLY);
    if (fd < 0) { perror(argv[2]); return 3; }
    cat(fd);
    FAILS(open(argv[2], O_WRONLY), EROFS);
    FAILS(mkdir("/new", 0777), EROFS);
  }
  return 0;
}
