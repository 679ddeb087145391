package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/module"
	"github.com/neutrino-local/neutrino-local/runtime/wagi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// A Command is a program to run once, outside of any app, and what it is given.
// It reaches no network.
type Command struct {
	Name        string // its first argument
	Arguments   []string
	Environment [][2]string // name and value
	Directories []Directory // that it may read and write
	Stdin       io.Reader
	Stdout      io.Writer
	Stderr      io.Writer
	CacheDir    string // of compiled code; "" for none
}

// A Directory of the host, and where a guest finds it.
type Directory struct{ Host, Guest string }

// stdinBuffer is how much of stdin is read ahead.
const stdinBuffer = 64 << 10

// Run runs a component that exports wasi:cli/run, or a preview 1 command, to its
// end, and returns its exit code. An error is about the binary, a trap, or the end
// of ctx; a binary that is no command is an error of kind store.ErrInvalid.
func (c *Command) Run(ctx context.Context, wasm []byte) (exit int, err error) {
	outline, err := module.Read(wasm)
	if asComponent(outline, err) {
		return c.runComponent(ctx, wasm)
	}
	if err != nil {
		return 0, invalid(err)
	}
	return c.runModule(ctx, outline, wasm)
}

// engine returns an engine with the cache.
func (c *Command) engine(ctx context.Context) (*component.Engine, error) {
	config := component.Config{Workers: compileWorkers}
	if c.CacheDir != "" {
		var err error
		if config.Cache, err = codecache.Open(c.CacheDir, 0); err != nil {
			return nil, err
		}
	}
	return component.NewEngine(ctx, config)
}

func (c *Command) runComponent(ctx context.Context, wasm []byte) (exit int, err error) {
	engine, err := c.engine(ctx)
	if err != nil {
		return 0, err
	}
	can := newCapabilities(Features{})
	code, err := engine.Compile(ctx, wasm, can.linker)
	if err != nil {
		return 0, errors.Join(invalid(err), engine.Close(ctx))
	}
	ending := context.WithoutCancel(ctx)
	defer func() { err = errors.Join(err, code.Close(ending), engine.Close(ending)) }()
	run, ok := wasi.Command(code)
	if !ok {
		return 0, invalid(errors.New("it is no command: it does not export wasi:cli/run"))
	}
	state, err := c.state()
	if err != nil {
		return 0, err
	}
	config := component.InstanceConfig{Init: func(in *component.Instance) error {
		can.wasi.Set(in, state)
		return nil
	}}
	if code.UsesPreview1() {
		config.Preview1 = c.moduleConfig()
	}
	in, err := code.Instantiate(ctx, config)
	if err != nil {
		return 0, err
	}
	exit, err = can.wasi.Run(ctx, in, run)
	if code, ok := exitCode(err); ok && ctx.Err() == nil {
		exit, err = int(code), nil // by preview 1
	}
	return exit, errors.Join(err, closeInstance(ending, in))
}

// state is what a component gets.
func (c *Command) state() (*wasi.State, error) {
	s := &wasi.State{Arguments: append([]string{c.Name}, c.Arguments...), Stdout: c.Stdout, Stderr: c.Stderr}
	for _, v := range c.Environment {
		s.Environment = append(s.Environment, wasi.Variable{Name: v[0], Value: v[1]})
	}
	open := new(int)
	for _, d := range c.Directories {
		root, err := filesystem.Root(d.Host, filesystem.Read|filesystem.Write|filesystem.MutateDirectory, open)
		if err != nil {
			return nil, fmt.Errorf("directory %s: %w", d.Host, err)
		}
		s.Preopens = append(s.Preopens, wasi.Preopen{Path: d.Guest, Dir: root})
	}
	if c.Stdin != nil {
		// Nobody waits for the reader: a terminal may never end, and the process
		// does.
		s.Stdin = stream.NewPump(c.Stdin, stdinBuffer, func(f func()) { go f() })
	}
	return s, nil
}

func (c *Command) runModule(ctx context.Context, outline *module.Outline, wasm []byte) (exit int, err error) {
	engine, err := c.engine(ctx)
	if err != nil {
		return 0, err
	}
	ending := context.WithoutCancel(ctx)
	code, err := engine.CompileCommand(ctx, component.Binary{Wasm: wasm}, component.NewLinker())
	if err != nil {
		return 0, errors.Join(invalid(err), engine.Close(ending))
	}
	defer func() { err = errors.Join(err, code.Close(ending), engine.Close(ending)) }()
	if kind, ok := outline.Exports[wagi.Entry]; !ok || kind != module.Func {
		return 0, invalid(errors.New("it is no command: it does not export _start"))
	}
	in, err := code.Instantiate(ctx, component.InstanceConfig{Preview1: c.moduleConfig()})
	if err == nil {
		err = errors.Join(in.Run(ctx, wagi.Entry), in.Close(ending))
	}
	if ended, ok := errors.AsType[*sys.ExitError](err); ok && ctx.Err() == nil {
		return int(ended.ExitCode()), nil
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return 0, err
}

// moduleConfig is what a preview 1 command gets.
func (c *Command) moduleConfig() wazero.ModuleConfig {
	files := wazero.NewFSConfig()
	for _, d := range c.Directories {
		files = files.WithDirMount(d.Host, d.Guest)
	}
	config := wazero.NewModuleConfig().WithName("").
		WithArgs(append([]string{c.Name}, c.Arguments...)...).
		WithFSConfig(files).WithStdout(c.Stdout).WithStderr(c.Stderr).
		WithSysWalltime().WithSysNanotime().WithSysNanosleep().WithRandSource(rand.Reader)
	if c.Stdin != nil {
		config = config.WithStdin(c.Stdin)
	}
	for _, v := range c.Environment {
		config = config.WithEnv(v[0], v[1])
	}
	return config
}
