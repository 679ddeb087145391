// The guest of `up --demo`: a WAGI program that says which version it is.
//
// Rebuild hello.wasm with ./build.sh after a change.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *env(const char *name, const char *otherwise) {
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

// page copies the file "page.html" to stdout with each %VERSION% replaced.
static int page(const char *version) {
	char text[8192];
	FILE *f = fopen("/page.html", "r");
	if (!f) {
		fprintf(stderr, "page.html is not mounted\n");
		return 1;
	}
	size_t n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	printf("content-type: text/html; charset=utf-8\n\n");
	static const char mark[] = "%VERSION%";
	for (char *p = text;;) {
		char *q = strstr(p, mark);
		if (!q) {
			fputs(p, stdout);
			return 0;
		}
		printf("%.*s%s", (int)(q - p), p, version);
		p = q + sizeof mark - 1;
	}
}

int main(void) {
	const char *version = env("VERSION", "unknown");
	const char *path = env("PATH_INFO", "/");
	if (strcmp(path, "/") == 0 || strcmp(path, "") == 0)
		return page(version);
	if (strcmp(path, "/log") == 0)
		fprintf(stderr, "version %s was asked to log\n", version);
	printf("content-type: text/plain\n\nhello from version %s, %s %s\n", version, env("REQUEST_METHOD", "?"), path);
	return 0;
}
