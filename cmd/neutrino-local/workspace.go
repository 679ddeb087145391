package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
	"github.com/neutrino-local/neutrino-local/web/client"
)

const (
	manifestName   = "spin.toml"
	defaultListen  = "127.0.0.1:7733"
	defaultAddress = "http://" + defaultListen
)

// A workspace is the folder of an app on the developer's side, and which app of
// which server it means.
type workspace struct {
	*globals
	from    string // --from: spin.toml or its folder
	appName string
	appID   string

	accountName, accountID string // accepted as the cloud's; there is one account
}

// addFlags adds the flags by which the cloud's verbs name an app.
func (w *workspace) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&w.from, "from", "f", manifestName, "the app's spin.toml, or the folder that has it")
	f.StringVar(&w.appName, "app-name", "", "name of the app")
	f.StringVar(&w.appID, "app-id", "", "id of the app")
	f.StringVar(&w.accountName, "account-name", "", "name of the account")
	f.StringVar(&w.accountID, "account-id", "", "id of the account")
	c.MarkFlagsMutuallyExclusive("app-name", "app-id")
	c.MarkFlagsMutuallyExclusive("account-name", "account-id")
}

// manifest returns the path of the spin.toml that --from means.
func (w *workspace) manifest() (string, error) {
	path, err := filepath.Abs(w.from)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, manifestName)
		info, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s: %w", path, fs.ErrNotExist)
		return "", store.Hint(err, "run this in the folder of a Spin app, or give it with -f")
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	return path, nil
}

// folder returns the folder of the workspace, whether it has a manifest or not.
func (w *workspace) folder() (string, error) {
	path, err := filepath.Abs(w.from)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return path, nil
	}
	return filepath.Dir(path), nil
}

func (w *workspace) link() (*link, error) {
	dir, err := w.folder()
	if err != nil {
		return nil, err
	}
	return readLink(dir)
}

// client returns a client of the server: the one of --server, else the one that
// runs on the default state directory, else the one of the link, else the one at
// the default address.
func (w *workspace) client() (*client.Client, error) {
	l, err := w.link()
	if err != nil {
		return nil, err
	}
	linked := ""
	if l != nil {
		linked = l.Server.URL
	}
	return w.globals.client(linked)
}

func (g *globals) client(linked string) (*client.Client, error) {
	url, token := g.server, g.token
	if url == "" {
		s, err := readReady(filepath.Join(g.stateDir, locatorName))
		switch {
		case err == nil && processLives(s.PID):
			url = s.URLs.Base
			if token == "" {
				token = s.Token
			}
		case linked != "":
			url = linked
		default:
			url = defaultAddress
		}
	}
	return client.New(url, token), nil
}

// app returns the app that the flags, or else the link, name. Verbs that take
// the name as an argument put it into appName first.
func (w *workspace) app(ctx context.Context, c *client.Client) (apitype.App, error) {
	ref, l := w.appID, (*link)(nil)
	if ref == "" {
		ref = w.appName
	}
	if ref == "" {
		var err error
		if l, err = w.link(); err != nil {
			return apitype.App{}, err
		}
		if l == nil {
			err := errors.New("no app is named, and this workspace is not linked to one")
			return apitype.App{}, store.Hint(err, "give --app-name NAME, or run 'neutrino-local app link --app-name NAME'")
		}
		ref = l.Application.ID
	}
	app, err := c.App(ctx, ref)
	if l != nil && isCode("not_found")(err) {
		return app, unknownLink(l)
	}
	return app, err
}

// unknownLink is the error for a link whose app the server does not know.
func unknownLink(l *link) error {
	err := fmt.Errorf("the workspace is linked to app %q (%s), which the server does not know", l.Application.Name, l.Application.ID)
	return store.Hint(err, "link it to an app with 'neutrino-local app link --app-name NAME', "+
		"or run 'neutrino-local app unlink' and deploy to create one")
}
