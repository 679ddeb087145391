package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
)

// getJSON asks the server itself and decodes the reply.
func (s *server) getJSON(path string, into any) {
	s.t.Helper()
	resp, err := http.Get(s.base + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s, %v: %s", path, resp.Status, err, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("GET %s: %v: %s", path, err, body)
	}
}

// checkBlob pulls a blob and compares what came with its digest and size.
func (s *server) checkBlob(digest string, size int64) {
	s.t.Helper()
	resp, err := http.Get(s.base + "/v2/local/shop/blobs/" + digest)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	hash := sha256.New()
	n, err := io.Copy(hash, resp.Body)
	got := "sha256:" + hex.EncodeToString(hash.Sum(nil))
	if err != nil || resp.StatusCode != http.StatusOK || n != size || got != digest {
		s.t.Fatalf("blob %s of %d bytes: %s, %d bytes, %s, %v", digest, size, resp.Status, n, got, err)
	}
}
