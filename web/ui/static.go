package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/store"
)

// An asset is a file that pages load, ready to be sent.
type asset struct {
	plain, gzipped []byte
	kind           string
	hash           string
}

// kinds are the media types of what is served.
var kinds = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// loadAssets reads and compresses what is in static/ and vendor/, by base name.
func loadAssets(files fs.FS) (map[string]asset, error) {
	assets := map[string]asset{}
	for _, dir := range []string{"static", "vendor"} {
		err := fs.WalkDir(files, dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			kind, ok := kinds[path.Ext(name)]
			if !ok {
				return nil // a directory; licences and notes are for the source
			}
			plain, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			gzipped, err := compress(plain, gzip.BestCompression)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(plain)
			assets[path.Base(name)] = asset{plain, gzipped, kind, hex.EncodeToString(sum[:6])}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return assets, nil
}

func compress(text []byte, level int) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(text); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") && strings.ReplaceAll(quality, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// static serves an asset. A URL with the hash of its content never changes.
func (p *Pages) static(c echo.Context) error {
	a, ok := p.assets[c.Param("*")]
	if !ok {
		return fmt.Errorf("file %.80q: %w", c.Param("*"), store.ErrNotFound)
	}
	h := c.Response().Header()
	tag := `"` + a.hash + `"`
	h.Set("Content-Type", a.kind)
	h.Set("ETag", tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if c.Request().Header.Get("If-None-Match") == tag {
		return c.NoContent(http.StatusNotModified)
	}
	body := a.plain
	if acceptsGzip(c.Request()) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzipped
	}
	return c.Blob(http.StatusOK, a.kind, body)
}
