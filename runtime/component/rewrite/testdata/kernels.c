// Kernels that the benchmarks run. Build them with build.sh.
typedef unsigned char u8;
typedef unsigned int u32;
#define EXPORT(name) __attribute__((export_name(#name))) u32 name

__attribute__((noinline)) static u32 fibonacci(u32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

EXPORT(fib)(u32 n) { return fibonacci(n); }

static u8 composite[1 << 20];

EXPORT(sieve)(u32 rounds) {
	u32 found = 0;
	for (u32 r = 0; r < rounds; r++) {
		for (u32 i = 0; i < sizeof composite; i++) composite[i] = 0;
		found = 0;
		for (u32 i = 2; i < sizeof composite; i++) {
			if (composite[i]) continue;
			found++;
			for (u32 j = i + i; j < sizeof composite; j += i) composite[j] = 1;
		}
	}
	return found;
}

#define N 128
static double a[N][N], b[N][N], c[N][N];

EXPORT(matmul)(u32 rounds) {
	for (u32 i = 0; i < N; i++)
		for (u32 j = 0; j < N; j++) a[i][j] = i + j, b[i][j] = i * 2.0 - j;
	for (u32 r = 0; r < rounds; r++)
		for (u32 i = 0; i < N; i++)
			for (u32 j = 0; j < N; j++) {
				double sum = 0;
				for (u32 k = 0; k < N; k++) sum += a[i][k] * b[k][j];
				c[i][j] = sum;
			}
	return (u32)(long long)c[N - 1][N / 2];
}

static u32 constants[64], state[8];
static u8 message[64];

static u32 rotr(u32 x, int n) { return x >> n | x << (32 - n); }

static void block(void) {
	u32 w[64], h[8];
	for (int i = 0; i < 16; i++)
		w[i] = (u32)message[4 * i] << 24 | message[4 * i + 1] << 16 | message[4 * i + 2] << 8 | message[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		u32 s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
		u32 s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	for (int i = 0; i < 8; i++) h[i] = state[i];
	for (int i = 0; i < 64; i++) {
		u32 s1 = rotr(h[4], 6) ^ rotr(h[4], 11) ^ rotr(h[4], 25);
		u32 t1 = h[7] + s1 + ((h[4] & h[5]) ^ (~h[4] & h[6])) + constants[i] + w[i];
		u32 s0 = rotr(h[0], 2) ^ rotr(h[0], 13) ^ rotr(h[0], 22);
		u32 t2 = s0 + ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));
		for (int j = 7; j > 0; j--) h[j] = h[j - 1];
		h[4] += t1;
		h[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++) state[i] += h[i];
}

// The compression function of SHA-256, with constants of our own.
EXPORT(sha256)(u32 blocks) {
	u32 x = 2463534242u;
	for (int i = 0; i < 64; i++) x ^= x << 13, x ^= x >> 17, x ^= x << 5, constants[i] = x;
	for (int i = 0; i < 8; i++) state[i] = constants[i] ^ constants[i + 8];
	for (u32 n = 0; n < blocks; n++) {
		for (int i = 0; i < 64; i++) message[i] = n + i * 7;
		block();
	}
	return state[0];
}

struct point { u32 x, y; };
static struct point points[1 << 12];

typedef int (*order)(const struct point *, const struct point *);

static int by_x(const struct point *p, const struct point *q) { return p->x < q->x ? -1 : p->x > q->x; }
static int by_y(const struct point *p, const struct point *q) { return p->y < q->y ? -1 : p->y > q->y; }

__attribute__((noinline)) static void quicksort(struct point *p, int n, order less) {
	while (n > 1) {
		struct point pivot = p[n / 2];
		int i = 0, j = n - 1;
		while (i <= j) {
			while (less(&p[i], &pivot) < 0) i++;
			while (less(&p[j], &pivot) > 0) j--;
			if (i <= j) {
				struct point t = p[i];
				p[i++] = p[j], p[j--] = t;
			}
		}
		quicksort(p, j + 1, less);
		p += i, n -= i;
	}
}

// Indirect calls and recursion.
EXPORT(sort)(u32 rounds) {
	static const order orders[2] = {by_x, by_y};
	u32 x = 88172645u;
	for (u32 r = 0; r < rounds; r++) {
		for (u32 i = 0; i < sizeof points / sizeof *points; i++) {
			x ^= x << 13, x ^= x >> 17, x ^= x << 5;
			points[i].x = x, points[i].y = x * 31;
		}
		quicksort(points, sizeof points / sizeof *points, orders[r & 1]);
	}
	return points[100].x;
}
