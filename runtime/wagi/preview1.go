package wagi

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Imports is the module that programs import: WASI preview 1.
const Imports = wasi_snapshot_preview1.ModuleName

// Link adds preview 1 to a runtime.
func Link(ctx context.Context, r wazero.Runtime) error {
	if _, err := link(ctx, r); err != nil {
		return fmt.Errorf("%s: %w", Imports, err)
	}
	return nil
}

// Functions returns the names of the functions that Link adds.
func Functions(ctx context.Context) (map[string]bool, error) {
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	offered, err := link(ctx, r)
	names := map[string]bool{}
	for name := range offered {
		names[name] = true
	}
	return names, errors.Join(err, r.Close(ctx))
}

func link(ctx context.Context, r wazero.Runtime) (map[string]api.FunctionDefinition, error) {
	b := r.NewHostModuleBuilder(Imports)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(b)
	original, err := b.Compile(ctx)
	if err != nil {
		return nil, err
	}
	definition := original.ExportedFunctions()["fd_renumber"]
	renumber, ok := definition.GoFunction().(api.GoModuleFunction)
	if !ok {
		return nil, errors.New("fd_renumber is not what it was")
	}
	b.NewFunctionBuilder().
		WithGoModuleFunction(boundRenumber(renumber), definition.ParamTypes(), definition.ResultTypes()).
		Export("fd_renumber")
	for name, f := range map[string]api.GoModuleFunc{"environ_get": environGet, "environ_sizes_get": environSizesGet} {
		definition := original.ExportedFunctions()[name]
		b.NewFunctionBuilder().
			WithGoModuleFunction(f, definition.ParamTypes(), definition.ResultTypes()).
			Export(name)
	}
	compiled, err := b.Compile(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig()); err != nil {
		return nil, err
	}
	return compiled.ExportedFunctions(), nil
}

const badFile = 8 // errno badf of preview 1

// boundRenumber refuses large numbers: wazero's table of open files is as long as
// the largest number in it, whoever chose that.
func boundRenumber(renumber api.GoModuleFunction) api.GoModuleFunc {
	return func(ctx context.Context, m api.Module, stack []uint64) {
		if to := int32(stack[1]); to > 2*maxOpen {
			stack[0] = badFile
			return
		}
		renumber.Call(ctx, m, stack)
	}
}
