package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component/compose"
)

// A Dependency is a component that another one has inside when it runs.
type Dependency struct {
	Name, Export string
	Inherit      json.RawMessage // as in a lock
	Wasm         []byte
}

// Compose returns the component that a host runs for wasm: with its dependencies
// inside. The error is of kind store.ErrInvalid.
func Compose(wasm []byte, dependencies []Dependency) ([]byte, error) {
	if len(dependencies) == 0 {
		return wasm, nil
	}
	var parts []compose.Dependency
	for _, d := range dependencies {
		inherit, err := compose.ParseInherit(d.Inherit)
		if err != nil {
			return nil, invalid(fmt.Errorf("dependency %.100q: %w", d.Name, err))
		}
		parts = append(parts, compose.Dependency{Name: d.Name, Export: d.Export, Inherit: inherit, Wasm: d.Wasm})
	}
	composed, err := compose.Compose(wasm, parts)
	if err != nil {
		return nil, invalid(short(err))
	}
	return composed, nil
}

// short bounds an error that has names of a stranger's in it.
func short(err error) error {
	const most = 2000
	if text := err.Error(); len(text) > most {
		return errors.New(strings.ToValidUTF8(text[:most], "") + "…")
	}
	return err
}

// ErrMiddleware says why a component with middleware cannot run.
var ErrMiddleware = errors.New("it has middleware, which works with wasi:http/handler@0.3.0 only, and that is not built yet")

// binary returns what stands for the binary that is run for c, and a function that
// gets it.
func (a *App) binary(c *artifact.Component) (artifact.Digest, func(context.Context) ([]byte, error)) {
	read := func(ctx context.Context) ([]byte, error) { return a.read(ctx, c.Source.Digest) }
	if len(c.Dependencies) == 0 {
		return c.Source.Digest, read
	}
	// All that decides what is composed; a lock always has a JSON.
	made, _ := json.Marshal([]any{c.Source.Digest, c.Dependencies})
	return artifact.SHA256(made), func(ctx context.Context) ([]byte, error) {
		wasm, err := read(ctx)
		if err != nil {
			return nil, err
		}
		if n := len(c.Dependencies); n > compose.MaxDependencies {
			return nil, &LimitError{Limit: "dependencies of a component", Value: strconv.Itoa(compose.MaxDependencies), Seen: strconv.Itoa(n)}
		}
		var dependencies []Dependency
		read := map[artifact.Digest][]byte{} // one may be there under several names
		sum := 0
		for _, name := range slices.Sorted(maps.Keys(c.Dependencies)) {
			d := c.Dependencies[name]
			part := Dependency{Name: name, Inherit: d.Inherit}
			if d.Export != nil {
				part.Export = *d.Export
			}
			if part.Wasm = read[d.Source.Digest]; part.Wasm == nil {
				if part.Wasm, err = a.read(ctx, d.Source.Digest); err != nil {
					return nil, fmt.Errorf("dependency %.100q: %w", name, err)
				}
				read[d.Source.Digest] = part.Wasm
			}
			if sum += len(part.Wasm); sum > maxWasm {
				return nil, &LimitError{Limit: "dependencies of a component", Value: size(int64(maxWasm)), Seen: size(int64(sum)) + " and more"}
			}
			dependencies = append(dependencies, part)
		}
		return Compose(wasm, dependencies)
	}
}
