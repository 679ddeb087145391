package wkg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/pelletier/go-toml/v2"

	"github.com/neutrino-local/neutrino-local/store"
)

// A place is where a registry has its packages.
type place struct {
	host   string // of the OCI registry
	prefix string
	plain  bool // on this machine: http
}

func (p place) repository(namespace, base string) string {
	return fmt.Sprintf("%s/%s%s/%s", p.host, p.prefix, namespace, base)
}

func (p place) options() []name.Option {
	if p.plain {
		return []name.Option{name.Insecure}
	}
	return nil
}

// A config is the user's wasm-pkg configuration, as far as it says where packages
// are.
type config struct {
	Default    string            `toml:"default_registry"`
	Namespaces map[string]any    `toml:"namespace_registries"`
	Packages   map[string]any    `toml:"package_registry_overrides"`
	Registries map[string]backed `toml:"registry"`
}

type backed struct {
	Type    string `toml:"type"`
	Default string `toml:"default"`
	OCI     struct {
		Registry string `toml:"registry"`
		Prefix   string `toml:"namespacePrefix"`
	} `toml:"oci"`
}

const maxConfig = 1 << 20

func (c *Client) config() (config, error) {
	path := c.Config
	if path == "" {
		base := os.Getenv("XDG_CONFIG_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return config{}, nil // no home, no configuration
			}
			base = filepath.Join(home, ".config")
		}
		path = filepath.Join(base, "wasm-pkg", "config.toml")
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return config{}, nil
	}
	if err != nil {
		return config{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return config{}, err
	}
	if len(b) > maxConfig {
		return config{}, fmt.Errorf("%s is %w: longer than %d bytes", path, store.ErrInvalid, maxConfig)
	}
	var cfg config
	if err := toml.Unmarshal(b, &cfg); err != nil {
		return config{}, fmt.Errorf("%s is %w: %w", path, store.ErrInvalid, err)
	}
	return cfg, nil
}

// A mapping is the name of a registry, or a table that has it and its metadata.
func mapping(v any) (registry string, meta metadata) {
	switch v := v.(type) {
	case string:
		return v, meta
	case map[string]any:
		registry, _ = v["registry"].(string)
		if m, err := json.Marshal(v["metadata"]); err == nil {
			_ = json.Unmarshal(m, &meta) // what is not understood says nothing
		}
	}
	return registry, meta
}

// Metadata is what a registry says of itself.
type metadata struct {
	Preferred string `json:"preferredProtocol"`
	OCI       *struct {
		Registry string `json:"registry"`
		Prefix   string `json:"namespacePrefix"`
	} `json:"oci"`
	Warg *struct{} `json:"warg"`

	OldRegistry string `json:"ociRegistry"`
	OldPrefix   string `json:"ociNamespacePrefix"`
	OldWarg     string `json:"wargUrl"`
}

// find returns where a package is.
func (c *Client) find(ctx context.Context, registry, pkg, namespace string) (place, error) {
	cfg, err := c.config()
	if err != nil {
		return place{}, err
	}
	var meta metadata
	for _, v := range []any{cfg.Packages[pkg], cfg.Namespaces[namespace], wellKnown(namespace), cfg.Default} {
		if registry == "" {
			registry, meta = mapping(v)
		}
	}
	if registry == "" {
		err := fmt.Errorf("no registry is known for packages of %q: %w", namespace, store.ErrNotFound)
		return place{}, store.Hint(err, "name one with registry = \"host\" beside package and version")
	}
	if err := checkHost(registry); err != nil {
		return place{}, err
	}
	plain := loopback(registry)
	b := cfg.Registries[registry]
	if b.OCI.Registry != "" {
		return place{b.OCI.Registry, b.OCI.Prefix, loopback(b.OCI.Registry)}, nil
	}
	if meta == (metadata{}) {
		if meta, err = c.metadata(ctx, registry, plain); err != nil {
			return place{}, err
		}
	}
	oci := place{host: registry, plain: plain}
	switch {
	case meta.OCI != nil:
		oci.host, oci.prefix = meta.OCI.Registry, meta.OCI.Prefix
	case meta.OldRegistry != "":
		oci.host, oci.prefix = meta.OldRegistry, meta.OldPrefix
	}
	if oci.host == "" {
		oci.host = registry
	}
	protocol := b.Type + b.Default
	if protocol == "" {
		protocol = meta.Preferred
	}
	if protocol != "" && protocol != "oci" || protocol == "" && meta.OCI == nil && meta.OldRegistry == "" && (meta.Warg != nil || meta.OldWarg != "") {
		err := fmt.Errorf("registry %s has its packages by the protocol %q, and only OCI is understood here", registry, orWarg(protocol))
		return place{}, store.Hint(err, "get it with 'wkg get', and name the file")
	}
	oci.plain = loopback(oci.host)
	return oci, checkHost(oci.host)
}

// wellKnown returns the registry of a namespace that all tools know, or "".
func wellKnown(namespace string) string {
	switch namespace {
	case "wasi":
		return "wasi.dev"
	case "ba":
		return "bytecodealliance.org"
	}
	return ""
}

func orWarg(protocol string) string {
	if protocol == "" {
		return "warg"
	}
	return protocol
}

func checkHost(host string) error {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || host == "" || len(host) > 300 {
		return fmt.Errorf("registry %.100q is %w: want a host", host, store.ErrInvalid)
	}
	return nil
}

func loopback(host string) bool {
	h, _, err := net.SplitHostPort(host)
	if err != nil {
		h = host
	}
	ip := net.ParseIP(h)
	return h == "localhost" || ip != nil && ip.IsLoopback()
}

const maxMetadata = 1 << 20

// metadata asks a registry for what it says of itself. One that says nothing is an
// OCI registry.
func (c *Client) metadata(ctx context.Context, registry string, plain bool) (m metadata, err error) {
	scheme := "https"
	if plain {
		scheme = "http"
	}
	address := scheme + "://" + registry + "/.well-known/wasm-pkg/registry.json"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return m, err
	}
	resp, err := (&http.Client{Transport: c.bounded()}).Do(req)
	if err != nil {
		return m, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return m, nil
	case resp.StatusCode != http.StatusOK:
		return m, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxMetadata+1))
	if err != nil {
		return m, fmt.Errorf("%s: %w", address, err)
	}
	if len(b) > maxMetadata {
		return m, fmt.Errorf("%s: longer than %d bytes", address, maxMetadata)
	}
	if !strings.HasPrefix(strings.TrimSpace(string(b)), "{") {
		return m, nil // a page, and not for us
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s: %w", address, err)
	}
	return m, nil
}
