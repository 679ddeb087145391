package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

const (
	namesShown = 100
	maxShown   = 64 << 10 // bytes of a manifest that are printed
)

type repositoriesPage struct {
	frame
	Usage apitype.RegistryUsage
	Names []string
	Next  string
}

func (p *Pages) repositories(c echo.Context) error {
	if err := p.hasRegistry(); err != nil {
		return err
	}
	names, err := p.registry.Repositories(c.Request().Context(), c.QueryParam("after"), namesShown+1)
	if err != nil {
		return err
	}
	page := repositoriesPage{frame: p.frame("registry", "Registry")}
	page.Names, page.Next = cut(names)
	if page.Usage, err = p.api.UsageOf(c.Request().Context()); err != nil {
		return err
	}
	return p.show(c, "repositories", page)
}

// cut returns the names of one page, and the last of them if there are more.
func cut(names []string) (page []string, next string) {
	if len(names) > namesShown {
		return names[:namesShown], names[namesShown-1]
	}
	return names, ""
}

func (p *Pages) hasRegistry() error {
	if p.registry == nil {
		return fmt.Errorf("registry: %w", store.ErrNotFound)
	}
	return nil
}

type tagsPage struct {
	frame
	Repository string
	Tags       []tagRow
	Next       string
}

type tagRow struct {
	Name string
	Is   store.Manifest
	Size int64 // with all that it needs, if that is known
}

func (p *Pages) tags(c echo.Context) error {
	if err := p.hasRegistry(); err != nil {
		return err
	}
	ctx, repository := c.Request().Context(), c.QueryParam("repository")
	names, err := p.registry.Tags(ctx, repository, c.QueryParam("after"), namesShown+1)
	if err != nil {
		return err
	}
	page := tagsPage{frame: p.frame("registry", repository), Repository: repository}
	names, page.Next = cut(names)
	for _, name := range names {
		m, raw, err := p.registry.Manifest(ctx, repository, name)
		if err != nil {
			continue // deleted meanwhile
		}
		row := tagRow{Name: name, Is: m, Size: m.Size}
		if parsed, err := artifact.ParseManifest(raw); err == nil {
			row.Size += parsed.Config.Size + parsed.Size()
		}
		page.Tags = append(page.Tags, row)
	}
	return p.show(c, "tags", page)
}

type manifestPage struct {
	frame
	Repository string
	Reference  string
	Is         store.Manifest
	Parsed     *artifact.Manifest    // of an image or a Spin app
	Children   []artifact.Descriptor // of an index
	Referrers  []store.Manifest
	Revisions  []store.Revision // of the app of this repository that run from it
	Text       string
	Cut        bool // Text is not all
}

func (p *Pages) manifest(c echo.Context) error {
	if err := p.hasRegistry(); err != nil {
		return err
	}
	page := manifestPage{Repository: c.QueryParam("repository"), Reference: c.QueryParam("reference")}
	page.frame = p.frame("registry", page.Repository+" "+page.Reference)
	m, raw, err := p.registry.Manifest(c.Request().Context(), page.Repository, page.Reference)
	if err != nil {
		return err
	}
	page.Is = m
	if parsed, err := artifact.ParseManifest(raw); err == nil {
		page.Parsed = &parsed
	}
	if err := p.relations(c.Request().Context(), &page, raw); err != nil {
		return err
	}
	page.Text, page.Cut = indented(raw)
	return p.show(c, "manifest", page)
}

// relations finds what the manifest refers to, and what refers to it.
func (p *Pages) relations(ctx context.Context, page *manifestPage, raw []byte) (err error) {
	var index struct {
		Manifests []artifact.Descriptor `json:"manifests"`
	}
	if json.Unmarshal(raw, &index) == nil {
		page.Children = index.Manifests[:min(len(index.Manifests), namesShown)]
	}
	page.Referrers, err = p.registry.Referrers(ctx, page.Repository, artifact.Digest(page.Is.Digest), namesShown)
	if err != nil {
		return err
	}
	account, name, _ := strings.Cut(page.Repository, "/")
	app, err := p.api.Store.AppNamed(ctx, account, store.AppName(name))
	if err != nil {
		return ignore(err, store.ErrNotFound) // a free name
	}
	all, err := p.api.Store.Revisions(ctx, app.ID)
	for _, r := range all {
		if r.Digest == page.Is.Digest {
			page.App = name
			page.Revisions = append(page.Revisions, r)
		}
	}
	return err
}

func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// indented returns JSON as it is best read, or its beginning. What is too long
// or too deep to be indented cheaply stays as it is.
func indented(raw []byte) (text string, cut bool) {
	if len(raw) > maxShown {
		return string(raw[:maxShown]), true
	}
	depth := 0
	for _, b := range raw {
		switch b {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > 64 {
			return string(raw), false
		}
	}
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw), false
	}
	return b.String(), false
}
