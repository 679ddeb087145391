package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

const repository = "bench/app"

// A content is a blob and its digest.
type content struct {
	bytes  []byte
	digest string
}

// fresh returns content that no server has yet.
func fresh(size int) content {
	b := make([]byte, size)
	var seed [32]byte
	for i := range 4 {
		v := rand.Uint64()
		for j := range 8 {
			seed[8*i+j] = byte(v >> (8 * j))
		}
	}
	rand.NewChaCha8(seed).Read(b)
	return content{b, fmt.Sprintf("sha256:%x", sha256.Sum256(b))}
}

func freshes(n, size int) []content {
	all := make([]content, n)
	for i := range all {
		all[i] = fresh(size)
	}
	return all
}

// do sends a request, reads the reply to its end, and returns its Location.
func (p *process) do(ctx context.Context, method, target, mediaType string, body io.Reader, status int) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, p.absolute(target), body)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept", manifestType+", */*")
	if body != nil {
		r.Header.Set("Content-Type", mediaType)
	}
	return p.send(r, status)
}

// absolute returns the URL of a path or of a Location, which may be either.
func (p *process) absolute(target string) string {
	if strings.HasPrefix(target, "/") {
		return p.url + target
	}
	return target
}

func (p *process) send(r *http.Request, status int) (string, error) {
	resp, err := p.client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	if resp.StatusCode != status {
		return "", fmt.Errorf("%s: %s %s = %d, want %d", p.name, r.Method, r.URL, resp.StatusCode, status)
	}
	return resp.Header.Get("Location"), nil
}

const octets = "application/octet-stream"

func (p *process) begin(ctx context.Context) (string, error) {
	return p.do(ctx, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", "", nil, http.StatusAccepted)
}

func withDigest(location, digest string) string {
	mark := "?"
	if strings.Contains(location, "?") {
		mark = "&"
	}
	return location + mark + "digest=" + digest
}

// push pushes in one PUT.
func (p *process) push(ctx context.Context, c content) error {
	at, err := p.begin(ctx)
	if err == nil {
		_, err = p.do(ctx, http.MethodPut, withDigest(at, c.digest), octets, bytes.NewReader(c.bytes), http.StatusCreated)
	}
	return err
}

const chunk = 4 << 20

// pushChunks pushes in chunks, as Spin does.
func (p *process) pushChunks(ctx context.Context, c content) error {
	at, err := p.begin(ctx)
	for i := 0; err == nil && i < len(c.bytes); i += chunk {
		at, err = p.patch(ctx, at, c.bytes[i:min(i+chunk, len(c.bytes))], i)
	}
	if err == nil {
		_, err = p.do(ctx, http.MethodPut, withDigest(at, c.digest), octets, nil, http.StatusCreated)
	}
	return err
}

func (p *process) patch(ctx context.Context, at string, part []byte, from int) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, p.absolute(at), bytes.NewReader(part))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", octets)
	r.Header.Set("Content-Range", fmt.Sprintf("%d-%d", from, from+len(part)-1))
	return p.send(r, http.StatusAccepted)
}

func (p *process) pull(ctx context.Context, c content) error {
	_, err := p.do(ctx, http.MethodGet, "/v2/"+repository+"/blobs/"+c.digest, "", nil, http.StatusOK)
	return err
}

func (p *process) head(ctx context.Context, c content) error {
	_, err := p.do(ctx, http.MethodHead, "/v2/"+repository+"/blobs/"+c.digest, "", nil, http.StatusOK)
	return err
}

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

const manifestType = "application/vnd.oci.image.manifest.v1+json"

// pushImage pushes layers, a config and the manifest.
func (p *process) pushImage(ctx context.Context, tag string, layers []content) error {
	config := content{[]byte("{}"), fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("{}")))}
	m := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{2, manifestType, descriptor{"application/vnd.oci.image.config.v1+json", config.digest, 2}, nil}
	for _, l := range append([]content{config}, layers...) {
		if err := p.push(ctx, l); err != nil {
			return err
		}
		if l.digest != config.digest {
			m.Layers = append(m.Layers, descriptor{"application/vnd.oci.image.layer.v1.tar", l.digest, len(l.bytes)})
		}
	}
	text, err := json.Marshal(m)
	if err == nil {
		_, err = p.do(ctx, http.MethodPut, "/v2/"+repository+"/manifests/"+tag, manifestType, bytes.NewReader(text), http.StatusCreated)
	}
	return err
}

func (p *process) pullImage(ctx context.Context, tag string, layers []content) error {
	_, err := p.do(ctx, http.MethodGet, "/v2/"+repository+"/manifests/"+tag, "", nil, http.StatusOK)
	for i := 0; err == nil && i < len(layers); i++ {
		err = p.pull(ctx, layers[i])
	}
	return err
}

// A slow body comes drop by drop until ctx ends.
type slow struct{ ctx context.Context }

func (s slow) Read(b []byte) (int, error) {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return 0, io.EOF
	case <-timer.C:
		return min(len(b), 1000), nil
	}
}
