package runtime

import "context"

// A Base is where an app is mounted when that is not the root of the host that a
// request names: what guests are told of their own address.
type Base struct {
	Scheme string // "" for that of the connection
	Host   string // "" for that of the request
	Prefix string // of the public path, without a slash at its end; the request's path has it no more
}

type baseKey struct{}

// WithBase returns a context for requests that came by b.
func WithBase(ctx context.Context, b Base) context.Context {
	return context.WithValue(ctx, baseKey{}, b)
}

func baseOf(ctx context.Context) Base {
	b, _ := ctx.Value(baseKey{}).(Base)
	return b
}
