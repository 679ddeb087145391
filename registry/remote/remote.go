// Package remote pushes Spin apps to registries and copies them from one to
// another.
//
// Layers are streamed from where they are to where they go, several at once;
// what the target has already is not sent. What a stranger's registry sends is
// bounded and checked before any of it is passed on: the manifest is of a Spin
// app, and its lock is valid and refers to nothing that the manifest lacks. What
// was pushed is known to be there under its digest, or there is an error.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/registry/pack"
	"github.com/neutrino-local/neutrino-local/store"
)

// Options say how to reach a registry.
type Options struct {
	PlainHTTP bool // http:// only; else https://, and http:// just on loopback

	// At most one of these. None is anonymous.
	Token              string // sent as it is, to this registry only
	Username, Password string
	DockerCredentials  bool // those of the user's docker config and helpers

	Transport http.RoundTripper       // nil for the default one
	Progress  func(done, total int64) // of a push, in bytes; total grows
	MaxBytes  int64                   // of the layers of what is pulled; 0 for no limit
	jobs      int                     // uploads at once; 0 for 8
	backoff   *remote.Backoff         // between tries; nil for the default one
}

// Push pushes an app to ref, which has a tag or a digest, and returns the digest
// that it has there. An error is of the kind of its reason where there is one:
// ErrUnreachable, ErrDenied, store.ErrLimit, store.ErrInvalid, store.ErrNotFound,
// or what reading a layer said.
func Push(ctx context.Context, ref string, app *pack.App, o Options) (artifact.Digest, error) {
	img, err := newImage(app)
	if err != nil {
		return "", err
	}
	return o.push(ctx, ref, img, app.Digest)
}

func (o Options) push(ctx context.Context, ref string, img v1.Image, digest artifact.Digest) (artifact.Digest, error) {
	target, err := o.parse(ref)
	if err != nil {
		return "", err
	}
	options := o.options(ctx, target)
	if o.Progress != nil {
		updates := make(chan v1.Update, 16)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for u := range updates {
				if u.Error == nil {
					o.Progress(u.Complete, u.Total)
				}
			}
		}()
		defer func() { <-done }() // the library closes updates when Write ends
		options = append(options, remote.WithProgress(updates))
	}
	if err := remote.Write(target, img, options...); err != nil {
		return "", explain(ctx, target, err)
	}
	got, err := remote.Head(target, o.options(ctx, target)...)
	if err != nil {
		return "", explain(ctx, target, err)
	}
	if got.Digest.String() != string(digest) {
		return "", fmt.Errorf("%s has %s, but %s was pushed: %w", target, got.Digest, digest, store.ErrConflict)
	}
	return digest, nil
}

// parse returns ref as a reference. Without a registry it is one of Docker Hub,
// without a tag it is the latest, as all tools have it.
func (o Options) parse(ref string) (name.Reference, error) {
	var options []name.Option
	if o.PlainHTTP {
		options = append(options, name.Insecure)
	}
	r, err := name.ParseReference(ref, options...)
	if err != nil {
		err = fmt.Errorf("reference %.200q is %w: %w", ref, store.ErrInvalid, err)
		return nil, store.Hint(err, "write host:port/repository:tag")
	}
	return r, nil
}

func (o Options) options(ctx context.Context, ref name.Reference) []remote.Option {
	transport := o.Transport
	if transport == nil {
		transport = remote.DefaultTransport
	}
	transport = &carrier{next: transport, host: ref.Context().RegistryStr(), token: o.Token, plain: o.PlainHTTP}
	jobs := o.jobs
	if jobs == 0 {
		jobs = 8
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithTransport(transport), remote.WithJobs(jobs)}
	if o.backoff != nil {
		options = append(options, remote.WithRetryBackoff(*o.backoff))
	}
	switch {
	case o.DockerCredentials:
		options = append(options, remote.WithAuthFromKeychain(authn.DefaultKeychain))
	case o.Username != "" || o.Password != "":
		options = append(options, remote.WithAuth(&authn.Basic{Username: o.Username, Password: o.Password}))
	}
	return options
}

var errPlain = errors.New("only plain http is asked for")

// A carrier sends the requests to one registry. It keeps a token from all other
// hosts, which registries redirect to, and does not try https where it is not
// wanted.
type carrier struct {
	next        http.RoundTripper
	host, token string
	plain       bool
}

func (c *carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != c.host {
		return c.next.RoundTrip(req)
	}
	if c.plain && req.URL.Scheme == "https" {
		return nil, errPlain
	}
	if c.token != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.next.RoundTrip(req)
}
