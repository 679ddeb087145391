package artifact

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Digest names content by its hash: "sha256:" or "sha512:" and lower-case hex.
type Digest string

// SHA256 returns the digest of b.
func SHA256(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// ParseDigest returns s as a digest. A valid digest holds no character that
// means anything in a path, but for its one colon.
func ParseDigest(s string) (Digest, error) {
	algorithm, sum, ok := strings.Cut(s, ":")
	size := map[string]int{"sha256": 64, "sha512": 128}[algorithm]
	if !ok || size == 0 {
		return "", fmt.Errorf("digest %.80q: want sha256: or sha512: and hex", s)
	}
	if len(sum) != size || strings.Trim(sum, "0123456789abcdef") != "" {
		return "", fmt.Errorf("digest %.150q: want %d lower-case hex digits", s, size)
	}
	return Digest(s), nil
}

// Algorithm returns "sha256" or "sha512".
func (d Digest) Algorithm() string { a, _, _ := strings.Cut(string(d), ":"); return a }

// Hex returns the hash in hex.
func (d Digest) Hex() string { _, h, _ := strings.Cut(string(d), ":"); return h }

// Matches reports whether d is the digest of b.
func (d Digest) Matches(b []byte) bool {
	if d.Algorithm() == "sha512" {
		sum := sha512.Sum512(b)
		return d.Hex() == hex.EncodeToString(sum[:])
	}
	return d == SHA256(b)
}
