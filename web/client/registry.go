package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// RegistryUsage returns what the registry takes.
func (c *Client) RegistryUsage(ctx context.Context) (u apitype.RegistryUsage, err error) {
	return u, c.do(ctx, http.MethodGet, "/registry/usage", nil, nil, &u)
}

// RegistryGC frees the blobs that nothing needs and returns when that is done.
func (c *Client) RegistryGC(ctx context.Context) (f apitype.RegistryFreed, err error) {
	return f, c.do(ctx, http.MethodPost, "/registry/gc", nil, nil, &f)
}

// Repositories returns the names of all repositories, in byte order.
func (c *Client) Repositories(ctx context.Context) ([]string, error) {
	return c.names(ctx, "/v2/_catalog")
}

// Tags returns all tags of a repository, in byte order.
func (c *Client) Tags(ctx context.Context, repository string) ([]string, error) {
	return c.names(ctx, "/v2/"+repositoryPath(repository)+"/tags/list")
}

// names reads a list of the registry, page by page.
func (c *Client) names(ctx context.Context, path string) ([]string, error) {
	all := []string{}
	for last, more := "", true; more; {
		q := url.Values{}
		setInt(q, "n", 1000)
		setString(q, "last", last)
		resp, err := c.send(ctx, http.MethodGet, path, q, nil, nil)
		if err != nil {
			return nil, err
		}
		var page struct{ Repositories, Tags []string }
		text, err := c.body(ctx, resp, maxManifest)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &page); err != nil {
			return nil, fmt.Errorf("GET %s: %w", path, err)
		}
		names := append(page.Repositories, page.Tags...)
		all = append(all, names...)
		more = len(names) > 0 && resp.Header.Get("Link") != ""
		if more {
			last = names[len(names)-1]
		}
	}
	return all, nil
}

// maxManifest is a little more than a registry takes.
const maxManifest = 8 << 20

// A Manifest of a repository, as it was pushed.
type Manifest struct {
	Digest    string
	MediaType string
	Raw       []byte
}

// Manifest returns the manifest of a repository that ref, a tag or a digest,
// names.
func (c *Client) Manifest(ctx context.Context, repository, ref string) (Manifest, error) {
	header := http.Header{"Accept": {"*/*"}}
	resp, err := c.send(ctx, http.MethodGet, "/v2/"+repositoryPath(repository)+"/manifests/"+segment(ref), nil, nil, header)
	if err != nil {
		return Manifest{}, err
	}
	raw, err := c.body(ctx, resp, maxManifest)
	return Manifest{
		Digest: resp.Header.Get("Docker-Content-Digest"), MediaType: resp.Header.Get("Content-Type"), Raw: raw,
	}, err
}

// Blob returns a blob of a repository, which has at most so many bytes.
func (c *Client) Blob(ctx context.Context, repository, digest string, most int64) ([]byte, error) {
	resp, err := c.send(ctx, http.MethodGet, "/v2/"+repositoryPath(repository)+"/blobs/"+segment(digest), nil, nil, nil)
	if err != nil {
		return nil, err
	}
	return c.body(ctx, resp, most)
}

// body reads a reply of the registry and closes it.
func (c *Client) body(ctx context.Context, resp *http.Response, most int64) ([]byte, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return nil, c.transportError(ctx, err)
	}
	if int64(len(text)) > most {
		return nil, fmt.Errorf("%s: the reply is longer than %d bytes", resp.Request.URL.Path, most)
	}
	return text, nil
}

// registryError reads the form that errors of a registry have.
func registryError(status int, text []byte) (*apitype.Error, bool) {
	var reply struct {
		Errors []struct{ Code, Message string }
	}
	if json.Unmarshal(text, &reply) != nil || len(reply.Errors) == 0 || reply.Errors[0].Code == "" {
		return nil, false
	}
	code := map[int]string{
		http.StatusNotFound: "not_found", http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden",
		http.StatusRequestEntityTooLarge: "limit", http.StatusTooManyRequests: "limit",
	}[status]
	if code == "" {
		code = "invalid"
	}
	if status >= http.StatusInternalServerError {
		code = "internal"
	}
	return &apitype.Error{Code: code, Message: reply.Errors[0].Message, Status: status}, true
}

// repositoryPath returns a repository's name as a path; its slashes stay.
func repositoryPath(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = segment(p)
	}
	return strings.Join(parts, "/")
}
