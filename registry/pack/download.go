package pack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

const maxDownload = 1 << 30

// download returns a file with the content of a source at a URL. It is kept in
// the cache under its digest, so that the next time needs no network.
func (p *packer) download(ctx context.Context, s Source) (string, error) {
	digest, err := artifact.ParseDigest(s.Digest)
	if err != nil {
		return "", err
	}
	dir, err := p.cacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, digest.Hex()+".wasm")
	if sum, err := fileDigest(path); err == nil && sum == digest {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".download-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	sum, err := p.fetch(ctx, s.URL, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if sum != digest {
		return "", fmt.Errorf("invalid content digest; expected %s, downloaded %s", digest, sum)
	}
	return path, os.Rename(f.Name(), path)
}

// cacheDir returns where downloaded binaries are kept.
func (p *packer) cacheDir() (string, error) {
	if p.options.CacheDir != "" {
		return p.options.CacheDir, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: %w", err)
	}
	return filepath.Join(base, "neutrino-local", "wasm"), nil
}

// downloadLimit returns how many bytes a binary may have.
func (p *packer) downloadLimit() int64 {
	if p.options.MaxAppBytes > 0 {
		return min(maxDownload, p.options.MaxAppBytes)
	}
	return maxDownload
}

// fetch writes what is at address to w and returns its digest.
func (p *packer) fetch(ctx context.Context, address string, w io.Writer) (artifact.Digest, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no http or https URL", address)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	client := p.options.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", u.Redacted(), resp.Status)
	}
	limit := p.downloadLimit()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", u.Redacted(), err)
	}
	if n > limit {
		return "", fmt.Errorf("%s is larger than the limit of %s for an app", u.Redacted(), bytesText(limit))
	}
	return artifact.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}

func fileDigest(path string) (artifact.Digest, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return artifact.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}
