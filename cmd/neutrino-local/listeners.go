package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/neutrino-local/neutrino-local/router"
	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/store"
)

// listeners are the addresses that are only one app's (design §3.1). Each has a
// server of its own, which ends when the listener is removed or all are closed.
type listeners struct {
	Scheme string
	Apps   *router.Router
	Server func(http.Handler) *http.Server // a server as the main one is
	Log    *slog.Logger

	mu     sync.Mutex
	open   map[string]*appListener // by bound address; guarded by mu
	closed bool                    // guarded by mu
	wg     sync.WaitGroup
}

type appListener struct {
	app    store.AppID
	server *http.Server
}

// listen opens an address for an app and returns the bound one.
func (l *listeners) listen(ctx context.Context, app store.AppID, address string) (string, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return "", fmt.Errorf("listener %.100q is %w: want HOST:PORT", address, store.ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return "", errors.New("the server is stopping")
	}
	if old, ok := l.open[address]; ok && old.app == app {
		return address, nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return "", store.Hint(fmt.Errorf("listener %s: %w: %w", address, store.ErrConflict, err), "port 0 means any that is free")
	}
	bound := ln.Addr().String()
	if l.open == nil {
		l.open = map[string]*appListener{}
	}
	al := &appListener{app: app, server: l.Server(l.handler(app))}
	l.open[bound] = al
	l.wg.Go(func() {
		if err := al.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			l.Log.Error("listener of an app", "addr", bound, "err", err)
		}
	})
	return bound, nil
}

// handler sends everything to the app, whatever the host.
func (l *listeners) handler(app store.AppID) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		base := runtime.Base{Scheme: l.Scheme, Host: r.Host}
		l.Apps.Serve(w, r.WithContext(runtime.WithBase(r.Context(), base)), router.Target{App: string(app)})
	})
}

// remove closes an app's listener when its requests are done. An unknown one is
// an error of kind store.ErrNotFound.
func (l *listeners) remove(ctx context.Context, app store.AppID, address string) error {
	l.mu.Lock()
	al, ok := l.open[address]
	if !ok || al.app != app {
		l.mu.Unlock()
		return fmt.Errorf("listener %.100q: %w", address, store.ErrNotFound)
	}
	delete(l.open, address)
	l.mu.Unlock()
	return al.server.Shutdown(ctx)
}

// removeApp closes all listeners of an app.
func (l *listeners) removeApp(ctx context.Context, app store.AppID) error {
	l.mu.Lock()
	var addresses []string
	for address, al := range l.open {
		if al.app == app {
			addresses = append(addresses, address)
		}
	}
	l.mu.Unlock()
	var errs []error
	for _, address := range addresses {
		errs = append(errs, l.remove(ctx, app, address))
	}
	return errors.Join(errs...)
}

// close stops accepting, waits for the requests until ctx ends, cuts the rest,
// and returns when all servers have ended.
func (l *listeners) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	open := l.open
	l.open = nil
	l.mu.Unlock()
	var wg sync.WaitGroup
	for _, al := range open {
		wg.Go(func() { shutdown(ctx, al.server) })
	}
	wg.Wait()
	l.wg.Wait()
	return nil
}

// shutdown ends a server: it waits for requests until ctx ends and cuts the rest.
func shutdown(ctx context.Context, s *http.Server) {
	if s.Shutdown(ctx) != nil {
		s.Close()
	}
}
