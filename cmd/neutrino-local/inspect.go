package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// maxInspected is the largest binary that is read.
const maxInspected = 512 << 20

// An inspection is what `inspect` tells of one binary.
type inspection struct {
	Name      string          `json:"name"` // the file, or the component of an app
	Kind      string          `json:"kind"` // component or core module
	Size      int64           `json:"size"`
	Toolchain []string        `json:"toolchain"`
	Imports   []wasmInterface `json:"imports"`
	Exports   []wasmInterface `json:"exports"`
	Modules   []wasmModule    `json:"modules"`
	RunsAs    []string        `json:"runs_as"` // executors of this build that take it: http, wagi
	Refused   []refusal       `json:"refused"`
}

type wasmInterface struct {
	Name      string   `json:"name"`
	Functions []string `json:"functions"`
	Resources []string `json:"resources,omitempty"`
}

type wasmModule struct {
	Size      int `json:"size"`
	Functions int `json:"functions"`
	Instances int `json:"instances"`
}

type refusal struct {
	Executor string `json:"executor"`
	Reason   string `json:"reason"`
}

func inspectCommand(g *globals) *cobra.Command {
	var format string
	w := &workspace{globals: g}
	c := &cobra.Command{
		Use:   "inspect FILE|APP",
		Short: "Show what is in a wasm binary, and whether this build can run it",
		Long: `Show the modules, imports and exports of a wasm binary, what made it, and
whether this build can run it. The argument is a file, or else the name or id of
an app, whose current revision's components are shown.`,
		Args: cobra.ExactArgs(1),
	}
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := w.inspect(c, args[0])
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, found)
		}
		for _, i := range found {
			i.print(g.std.Out)
		}
		return nil
	}
	return c
}

func (w *workspace) inspect(c *cobra.Command, what string) ([]inspection, error) {
	info, err := os.Stat(what)
	if err == nil && info.Mode().IsRegular() {
		if info.Size() > maxInspected {
			return nil, fmt.Errorf("%s: %w: %d bytes, at most %d are read", what, store.ErrLimit, info.Size(), maxInspected)
		}
		wasm, err := os.ReadFile(what)
		if err != nil {
			return nil, err
		}
		i, err := inspectWasm(what, wasm)
		return []inspection{i}, err
	}
	if store.IsAppID(what) || !strings.ContainsAny(what, "./\\") {
		return w.inspectApp(c, what)
	}
	return nil, err
}

// inspectApp reads the components of an app's current revision from the registry.
func (w *workspace) inspectApp(c *cobra.Command, ref string) ([]inspection, error) {
	server, err := w.client()
	if err != nil {
		return nil, err
	}
	app, err := server.App(c.Context(), ref)
	if err != nil {
		return nil, err
	}
	revisions, err := server.Revisions(c.Context(), app.ID)
	if err != nil {
		return nil, err
	}
	for _, r := range revisions {
		if r.Number == app.Current {
			return inspectRevision(c, server, app, r)
		}
	}
	return nil, fmt.Errorf("app %s has no current revision", app.Name)
}

func inspectRevision(c *cobra.Command, server *apiClient, app apitype.App, r apitype.Revision) (all []inspection, err error) {
	for _, part := range r.Components {
		wasm, err := server.Blob(c.Context(), r.Repository, part.Digest, maxInspected)
		if err != nil {
			return nil, err
		}
		i, err := inspectWasm(path.Join(app.Name, store.RevisionNumber(r.Number).String(), part.ID), wasm)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

func inspectWasm(name string, wasm []byte) (inspection, error) {
	i := inspection{
		Name: name, Kind: "component", Size: int64(len(wasm)), Toolchain: []string{},
		Imports: []wasmInterface{}, Exports: []wasmInterface{}, Modules: []wasmModule{}, RunsAs: []string{}, Refused: []refusal{},
	}
	var err error
	outline, moduleErr := module.Read(wasm)
	switch {
	case errors.Is(moduleErr, module.ErrComponent):
		err = i.describeComponent(wasm)
	case moduleErr != nil:
		err = moduleErr
	case outline.World && i.describeComponent(wasm) == nil:
		i.Kind = "core module"
	default:
		i.describeModule(outline)
	}
	if err != nil {
		return i, fmt.Errorf("%s: %w: %w", name, store.ErrInvalid, err)
	}
	for _, executor := range []string{"http", "wagi"} {
		if err := runtime.Check(featuresOf("spin"), executor, wasm); err != nil {
			i.Refused = append(i.Refused, refusal{executor, err.Error()})
		} else {
			i.RunsAs = append(i.RunsAs, executor)
		}
	}
	return i, nil
}

func (i *inspection) describeComponent(wasm []byte) error {
	d, err := component.Describe(wasm)
	if err != nil {
		return err
	}
	for _, p := range d.Producers {
		i.Toolchain = append(i.Toolchain, strings.TrimSpace(p.Name+" "+p.Version))
	}
	i.Imports, i.Exports = interfaces(d.Imports), interfaces(d.Exports)
	for _, m := range d.Modules {
		i.Modules = append(i.Modules, wasmModule(m))
	}
	return nil
}

func interfaces(list []component.Interface) []wasmInterface {
	all := make([]wasmInterface, 0, len(list))
	for _, from := range list {
		to := wasmInterface{Name: from.Name, Functions: []string{}, Resources: from.Resources}
		for _, f := range from.Funcs {
			to.Functions = append(to.Functions, f.Name+": "+f.Type)
		}
		all = append(all, to)
	}
	return all
}

func (i *inspection) describeModule(o *module.Outline) {
	i.Kind = "core module"
	at := map[string]int{}
	for _, imported := range o.Imports {
		n, ok := at[imported.Module]
		if !ok {
			n = len(i.Imports)
			at[imported.Module] = n
			i.Imports = append(i.Imports, wasmInterface{Name: imported.Module, Functions: []string{}})
		}
		i.Imports[n].Functions = append(i.Imports[n].Functions, imported.Name)
	}
	own := wasmInterface{Functions: slices.AppendSeq([]string{}, maps.Keys(o.Exports))}
	slices.Sort(own.Functions)
	if len(own.Functions) > 0 {
		i.Exports = append(i.Exports, own)
	}
}

func (i *inspection) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %d bytes\n", i.Name, i.Kind, i.Size)
	if len(i.Toolchain) > 0 {
		fmt.Fprintf(w, "  made by %s\n", strings.Join(i.Toolchain, ", "))
	}
	for n, m := range i.Modules {
		fmt.Fprintf(w, "  core module %d: %d bytes, %d functions, instantiated %d times\n", n, m.Size, m.Functions, m.Instances)
	}
	for _, list := range []struct {
		verb  string
		items []wasmInterface
	}{{"imports", i.Imports}, {"exports", i.Exports}} {
		for _, item := range list.items {
			name := item.Name
			if name == "" {
				name = "by itself"
			}
			fmt.Fprintf(w, "  %s %s (%d functions)\n", list.verb, name, len(item.Functions))
		}
	}
	for _, executor := range i.RunsAs {
		fmt.Fprintf(w, "  runs here with the %s executor\n", executor)
	}
	for _, r := range i.Refused {
		fmt.Fprintf(w, "  not with the %s executor: %s\n", r.Executor, r.Reason)
	}
}
