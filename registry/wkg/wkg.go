// Package wkg gets wasm components from registries of packages, as the "wkg" tool
// and Spin find them.
//
// Which registry has a package is said by the caller, or by the user's wasm-pkg
// configuration; the registry says itself in which OCI repository its packages
// are. What was got is kept under its digest, and so is which digest a version
// has: a version that was got once needs no network, and its bytes are checked
// whenever they are used.
//
// # Caveats
//
// Registries of the warg protocol are refused by name.
package wkg

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// A Client gets packages. CacheDir must be set.
type Client struct {
	CacheDir  string
	Config    string            // file; "" for the user's
	Transport http.RoundTripper // nil for the default one
	MaxBytes  int64             // of a component
}

// A Package names one: "wasi:http" in a range of versions, of which "=1.2.3" is but
// one. Registry is a
// host, or "" for what the configuration says.
type Package struct {
	Registry, Name, Version string
}

func (p Package) String() string { return p.Name + "@" + strings.TrimPrefix(p.Version, "=") }

// Fetch returns a file that has the newest version of a package in its range.
// Errors are of the kind store.ErrNotFound or store.ErrInvalid where they are.
func (c *Client) Fetch(ctx context.Context, p Package) (string, error) {
	r, err := artifact.ParseRange(p.Version)
	if err != nil {
		return "", fmt.Errorf("package %s is %w: %w", p, store.ErrInvalid, err)
	}
	namespace, base, ok := strings.Cut(p.Name, ":")
	if !ok || !isName(namespace) || !isName(base) {
		return "", fmt.Errorf("package %.100q is %w: write namespace:name", p.Name, store.ErrInvalid)
	}
	if exact, ok := strings.CutPrefix(p.Version, "="); ok {
		if v, err := artifact.ParseVersion(strings.TrimSpace(exact)); err == nil {
			if path, ok := c.kept(p, v); ok {
				return path, nil
			}
		}
	}
	where, err := c.find(ctx, p.Registry, p.Name, namespace)
	if err != nil {
		return "", fmt.Errorf("package %s: %w", p, err)
	}
	repository, err := name.NewRepository(where.repository(namespace, base), where.options()...)
	if err != nil {
		return "", fmt.Errorf("package %s is %w: %w", p, store.ErrInvalid, err)
	}
	use := options(ctx, c.bounded())
	version, err := newest(repository, r, use)
	if err != nil {
		return "", fmt.Errorf("package %s: %w", p, err)
	}
	if path, ok := c.kept(p, version); ok {
		return path, nil
	}
	path, err := c.pull(p, repository, version, use)
	if err != nil {
		return "", fmt.Errorf("package %s: %s:%s: %w", p, repository, version, err)
	}
	return path, nil
}

// isName reports whether s may be part of a package's name, and so of a path.
func isName(s string) bool {
	return s != "" && len(s) <= 100 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
}

func options(ctx context.Context, t *bounded) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithTransport(t)}
}

// newest returns the newest version in r that a repository has.
func newest(repository name.Repository, r artifact.Range, use []remote.Option) (best artifact.Version, err error) {
	tags, err := remote.List(repository, use...)
	if err != nil {
		return best, fmt.Errorf("%s: %w", repository, err)
	}
	found := false
	for _, tag := range tags {
		v, err := artifact.ParseVersion(strings.ReplaceAll(tag, "_", "+")) // tags have no plus
		if err == nil && r.Has(v) && (!found || v.Compare(best) > 0) {
			best, found = v, true
		}
	}
	if !found {
		return best, fmt.Errorf("%s has no version in that range: %w", repository, store.ErrNotFound)
	}
	return best, nil
}

// pull gets a version and keeps it.
func (c *Client) pull(p Package, repository name.Repository, version artifact.Version, use []remote.Option) (string, error) {
	image, err := remote.Image(repository.Tag(version.String()), use...)
	if err != nil {
		return "", err
	}
	layer, err := wasmLayer(image)
	if err != nil {
		return "", err
	}
	digest, err := layer.Digest()
	if err != nil {
		return "", err
	}
	size, err := layer.Size()
	if err != nil {
		return "", err
	}
	if c.MaxBytes > 0 && size > c.MaxBytes {
		return "", fmt.Errorf("%d bytes, which is %w of %d for an app", size, store.ErrLimit, c.MaxBytes)
	}
	content, err := layer.Compressed()
	if err != nil {
		return "", err
	}
	defer content.Close()
	path, err := c.keep(digest.String(), io.LimitReader(content, size+1))
	if err != nil {
		return "", err
	}
	return path, c.remember(p, version, digest.String())
}

// wasmLayer returns the one layer of an image that is a component.
func wasmLayer(image v1.Image) (v1.Layer, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		media, err := l.MediaType()
		if err != nil {
			return nil, err
		}
		if media == artifact.PackageWasmType || media == artifact.WasmType {
			return l, nil
		}
	}
	return nil, fmt.Errorf("it is %w: no layer of it is of type %s", store.ErrInvalid, artifact.PackageWasmType)
}

// keep writes content into the cache under its digest.
func (c *Client) keep(digest string, content io.Reader) (string, error) {
	d, err := artifact.ParseDigest(digest)
	if err != nil || !strings.HasPrefix(digest, "sha256:") {
		return "", fmt.Errorf("digest %.100q is %w: want sha256", digest, store.ErrInvalid)
	}
	if err := os.MkdirAll(c.CacheDir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(c.CacheDir, ".package-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), content)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != d.Hex() {
		return "", fmt.Errorf("invalid content digest; expected %s, got sha256:%s", digest, sum)
	}
	path := c.blob(d)
	return path, os.Rename(f.Name(), path)
}

func (c *Client) blob(d artifact.Digest) string {
	return filepath.Join(c.CacheDir, d.Hex()+".wasm")
}

// index returns the file that says which digest a version has. The registry is
// part of its name, and the whole is hashed: names may be anything.
func (c *Client) index(p Package, v artifact.Version) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.Registry, p.Name, v.String()}, "\n")))
	return filepath.Join(c.CacheDir, "packages", hex.EncodeToString(sum[:]))
}

func (c *Client) remember(p Package, v artifact.Version, digest string) error {
	path := c.index(p, v)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".package-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(digest)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// kept returns the file with a version that was got before, if it is still what
// it was.
func (c *Client) kept(p Package, v artifact.Version) (string, bool) {
	text, err := os.ReadFile(c.index(p, v))
	if err != nil {
		return "", false
	}
	d, err := artifact.ParseDigest(string(text))
	if err != nil {
		return "", false
	}
	f, err := os.Open(c.blob(d))
	if err != nil {
		return "", false
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil || hex.EncodeToString(h.Sum(nil)) != d.Hex() {
		return "", false
	}
	return f.Name(), true
}
