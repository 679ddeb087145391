package wagi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// Imports is the module that programs import: WASI preview 1.
const Imports = wasi_snapshot_preview1.ModuleName

// A Preview1 gives guests WASI preview 1: the functions are wazero's, and each
// works on what its instance was given by Set.
type Preview1 struct {
	slot      component.Slot[*system]
	functions map[string]function
	types     map[string]api.FunctionDefinition // of functions
	runtime   wazero.Runtime                    // of systems
	blank     wazero.CompiledModule             // onlyMemory
	config    wazero.ModuleConfig               // what all systems have in common
}

// NewPreview1 returns the host of preview 1 for what l links. It must be closed,
// after all instances.
func NewPreview1(ctx context.Context, l *component.Linker) (*Preview1, error) {
	config := wazero.NewModuleConfig().WithName("").WithStartFunctions() // anonymous: any number at once
	p := &Preview1{
		slot:    component.NewSlot[*system](l),
		runtime: wazero.NewRuntime(ctx),
		config:  config.WithSysWalltime().WithSysNanotime().WithOsyield(runtime.Gosched).WithRandSource(rand.Reader),
	}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", Imports, err), p.Close(ctx))
	}
	return p, nil
}

// Close frees what instances have been given.
func (p *Preview1) Close(ctx context.Context) error { return p.runtime.Close(ctx) }

// prepare finds wazero's functions and replaces some of them.
func (p *Preview1) prepare(ctx context.Context) (err error) {
	if p.blank, err = p.runtime.CompileModule(ctx, onlyMemory); err != nil {
		return err
	}
	b := p.runtime.NewHostModuleBuilder(Imports)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(b)
	originals, err := b.Compile(ctx)
	if err != nil {
		return err
	}
	p.types, p.functions = originals.ExportedFunctions(), map[string]function{}
	for name, definition := range p.types {
		f, ok := definition.GoFunction().(api.GoModuleFunction)
		if !ok {
			return fmt.Errorf("%s is not what it was", name)
		}
		p.functions[name] = func(ctx context.Context, s *system, stack []uint64) { f.Call(ctx, s.module, stack) }
	}
	p.functions["environ_get"], p.functions["environ_sizes_get"] = environGet, environSizesGet
	p.functions["fd_renumber"] = boundRenumber(p.functions["fd_renumber"])
	return nil
}

// Offers reports whether there is a function of that name.
func (p *Preview1) Offers(name string) bool { return p.functions[name] != nil }

// Link adds preview 1 to a runtime.
func (p *Preview1) Link(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(Imports)
	for name, f := range p.functions {
		t := p.types[name]
		b.NewFunctionBuilder().WithGoModuleFunction(p.bind(f), t.ParamTypes(), t.ResultTypes()).Export(name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return fmt.Errorf("%s: %w", Imports, err)
	}
	return nil
}

// A function is one of preview 1, for the guest that s belongs to.
type function func(ctx context.Context, s *system, stack []uint64)

// bind has f work on the system of the guest that calls.
func (p *Preview1) bind(f function) api.GoModuleFunc {
	return func(ctx context.Context, guest api.Module, stack []uint64) {
		in, caller := component.Caller(ctx)
		s := p.slot.In(in)
		s.enter(caller, guest.Memory())
		f(ctx, s, stack)
	}
}

// Set gives an instance what it sees of i, and of tree, which may be nil, until
// it is closed or reset.
func (p *Preview1) Set(in *component.Instance, i *Invocation, tree *files.Tree) error {
	s, err := p.newSystem(i, tree)
	if err != nil {
		return fmt.Errorf("%s: %w", Imports, err)
	}
	p.slot.Set(in, s)
	in.OnClose(s.close)
	return nil
}

const badFile = 8 // errno badf of preview 1

// boundRenumber refuses large numbers: wazero's table of open files is as long as
// the largest number in it, whoever chose that.
func boundRenumber(renumber function) function {
	return func(ctx context.Context, s *system, stack []uint64) {
		if to := int32(stack[1]); to > 2*maxOpen {
			stack[0] = badFile
			return
		}
		renumber(ctx, s, stack)
	}
}
