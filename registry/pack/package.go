package pack

import (
	"context"
	"fmt"

	"github.com/neutrino-local/neutrino-local/registry/wkg"
	"github.com/neutrino-local/neutrino-local/store"
)

// fetchPackage returns a file with the package of a source.
func (p *packer) fetchPackage(ctx context.Context, s Source) (string, error) {
	dir, err := p.cacheDir()
	if err != nil {
		return "", err
	}
	client := &wkg.Client{CacheDir: dir, Config: p.options.PackageConfig, MaxBytes: p.downloadLimit()}
	if p.options.Client != nil {
		client.Transport = p.options.Client.Transport
	}
	path, err := client.Fetch(ctx, wkg.Package{Registry: s.Registry, Name: s.Package, Version: s.Version})
	if hint := store.HintOf(err); hint != "" {
		err = fmt.Errorf("%w: %s", err, hint) // it becomes one of several lines
	}
	return path, err
}
