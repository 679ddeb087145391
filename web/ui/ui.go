// Package ui is the page: what people keep open beside their editor.
//
// A page is a struct of what it shows and a template, so it reads well without
// a script; the script only keeps it fresh. It asks the API's own methods and
// changes nothing but through them. Nothing that it serves comes from elsewhere,
// and no template has a script or a style in it: the Content-Security-Policy of
// package web allows neither.
package ui

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/api"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

//go:embed templates static vendor
var files embed.FS

// Registry is what the page shows of the registry.
type Registry interface {
	Repositories(ctx context.Context, last string, n int) ([]string, error)
	Tags(ctx context.Context, repository, last string, n int) ([]string, error)
	Manifest(ctx context.Context, repository, ref string) (store.Manifest, []byte, error)
	Referrers(ctx context.Context, repository string, subject artifact.Digest, n int) ([]store.Manifest, error)
}

// Pages serves the page. Make it with New.
type Pages struct {
	api       *api.Server
	registry  Registry
	log       *slog.Logger
	templates map[string]*template.Template
	assets    map[string]asset
}

// New returns the pages of a server.
func New(server *api.Server, registry Registry, log *slog.Logger) (*Pages, error) {
	assets, err := loadAssets(files)
	if err != nil {
		return nil, err
	}
	p := &Pages{api: server, registry: registry, log: log, assets: assets, templates: map[string]*template.Template{}}
	base, err := template.New("").Funcs(functions(assets)).ParseFS(files, "templates/layout.html", "templates/parts.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "templates/page_*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(files, name)
		}
		if err != nil {
			return nil, err
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "templates/page_"), ".html")
		p.templates[name] = t
	}
	return p, nil
}

// Register adds the pages to a group that has /_neutrino as its prefix.
func (p *Pages) Register(g *echo.Group) {
	g.GET("", func(c echo.Context) error { return c.Redirect(http.StatusMovedPermanently, "/_neutrino/") })
	g.GET("/", p.overview)
	g.GET("/static/*", p.static)
	g.GET("/apps/:app", p.app)
	g.GET("/apps/:app/failover", p.failover)
	g.GET("/apps/:app/delete", p.confirmDelete)
	g.GET("/apps/:app/data", p.data)
	g.GET("/apps/:app/data/value", p.value)
	g.GET("/requests", p.requests)
	g.GET("/requests/:seq", p.request)
	g.GET("/logs", p.logs)
	g.GET("/registry", p.repositories)
	g.GET("/registry/tags", p.tags)
	g.GET("/registry/manifest", p.manifest)

	g.POST("/apps/:app/failover/hold", p.hold)
	g.POST("/apps/:app/failover/step", p.step)
	g.POST("/apps/:app/failover/release", p.release)
	g.POST("/apps/:app/rollback", p.rollback)
	g.POST("/apps/:app/delete", p.delete)
	g.POST("/apps/:app/data/set", p.setValue)
	g.POST("/apps/:app/data/delete", p.deleteValue)
}

// A frame is what all pages have.
type frame struct {
	Title   string
	Section string         // of the navigation
	App     string         // name of the app that the page is about, or ""
	Server  apitype.Server // what runs
	Events  string         // the stream that keeps the page fresh, or ""
}

func (p *Pages) frame(section, title string) frame {
	return frame{Title: title, Section: section, Server: p.api.About()}
}

// render answers with a page.
func (p *Pages) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	var text bytes.Buffer
	if err := p.templates[name].ExecuteTemplate(&text, "layout", data); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Accept-Encoding")
	body := text.Bytes()
	if acceptsGzip(r) {
		var err error
		if body, err = compress(body, gzip.BestSpeed); err != nil {
			return err
		}
		h.Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

func (p *Pages) show(c echo.Context, name string, data any) error {
	return p.render(c.Response(), c.Request(), http.StatusOK, name, data)
}

// problem is the page of an error.
type problem struct {
	frame
	Error *apitype.Error
	Back  string
}

// Error answers a request for a page with err.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, err error) {
	e := api.Explain(err)
	if e.Status == http.StatusInternalServerError {
		p.log.ErrorContext(r.Context(), "page", "path", r.URL.Path, "err", err)
	}
	page := problem{p.frame("", http.StatusText(e.Status)), e, "/_neutrino/"}
	if err := p.render(w, r, e.Status, "error", page); err != nil {
		p.log.ErrorContext(r.Context(), "page", "path", r.URL.Path, "err", err)
	}
}

// login is the page that asks for the token.
type login struct {
	frame
	Next  string
	Error *apitype.Error
}

// Login answers with the page that asks for the token; wrong is why it asks
// again, or nil. It tells nothing of the server.
func (p *Pages) Login(w http.ResponseWriter, r *http.Request, next string, wrong error) error {
	page, status := login{frame: frame{Title: "Log in", Section: "login"}, Next: next}, http.StatusOK
	if wrong != nil {
		page.Error = api.Explain(wrong)
		status = page.Error.Status
	}
	return p.render(w, r, status, "login", page)
}
