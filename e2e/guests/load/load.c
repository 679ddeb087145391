// A guest for tests under load: it tells its version, and echoes a body while it
// comes in. It is written in C since it starts in microseconds, so that a test
// can send hundreds of requests a second to it on a small machine.
//
// Rebuild load.wasm with ./build.sh after a change.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
	static char buffer[16384];
	const char *version = getenv("VERSION"), *path = getenv("PATH_INFO");
	printf("content-type: application/octet-stream\n\nhello from %s\n", version ? version : "?");
	if (!path || strcmp(path, "/echo") != 0)
		return 0;
	size_t n;
	while ((n = fread(buffer, 1, sizeof buffer, stdin)) > 0)
		if (fwrite(buffer, 1, n, stdout) != n)
			return 1;
	return ferror(stdin) ? 1 : 0;
}
