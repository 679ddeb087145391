package component

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
	"github.com/neutrino-local/neutrino-local/runtime/component/rewrite"
)

// coresFile has the rewritten modules of an entry.
const coresFile = "cores"

// A vault is where the code of one component is kept on disk: an entry that is
// there, or a draft of one. Without either, it is nowhere.
//
// An entry has the machine code of each module, and of the module itself only a
// stub, since to read and validate all of it takes several times as long as to
// load its code. The engine finds code by the module it is given, so that of a
// module is kept as the code of its stub. What the engine does not find it
// compiles, and adds: [codecache.Entry.Check] tells, and nothing that was
// compiled of a stub is used.
type vault struct {
	entry *codecache.Entry
	draft *codecache.Draft
	cores []*rewritten // of an entry: with stubs
	files [][]string   // of a draft: which have the code of each core
}

// vault finds or begins the entry of a component. A cache that does not work is
// logged, and done without.
func (e *Engine) vault(ctx context.Context, key string) *vault {
	if e.cache == nil {
		return new(vault)
	}
	v, err := e.find(key)
	if err == nil {
		return v
	}
	if !errors.Is(err, fs.ErrNotExist) {
		e.log.WarnContext(ctx, "cache of compiled code not used", "err", err)
	}
	draft, err := e.cache.Begin(key)
	if err != nil {
		e.log.WarnContext(ctx, "no cache of compiled code", "err", err)
		return new(vault)
	}
	return &vault{draft: draft}
}

// find opens an entry. One that cannot be read is removed.
func (e *Engine) find(key string) (*vault, error) {
	entry, err := e.cache.Find(key)
	if err != nil {
		return nil, err
	}
	v := &vault{entry: entry}
	b, err := entry.Read(coresFile)
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(b)).Decode(&v.cores)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cache of compiled code: %s: %s: %w", key, coresFile, err), e.cache.Remove(key))
	}
	return v, nil
}

// dir returns the folder of compiled code, or "".
func (v *vault) dir() string {
	switch {
	case v.entry != nil:
		return v.entry.Dir()
	case v.draft != nil:
		return v.draft.Dir()
	}
	return ""
}

// core returns the stub of a core instance, with what is known of the module.
func (v *vault) core(i int, imports []string) (*rewritten, error) {
	if i >= len(v.cores) || !slices.Equal(v.cores[i].Imports, imports) {
		return nil, errors.New("cache: code is of another plan")
	}
	return v.cores[i], nil
}

// add notes a module of a draft and the files that have its code.
func (v *vault) add(out *rewritten, files []string) {
	if v.draft != nil {
		v.cores = append(v.cores, out)
		v.files = append(v.files, files)
	}
}

// code returns the files of the engine in a draft.
func (v *vault) code() []string {
	if v.draft == nil {
		return nil
	}
	files, _ := fs.Glob(os.DirFS(v.draft.Dir()), "*/*") // the pattern is good
	return files
}

func added(before, after []string) []string {
	return slices.DeleteFunc(after, func(f string) bool { return slices.Contains(before, f) })
}

// keep makes an entry of what was compiled, behind the back of who waits for it.
func (e *Engine) keep(ctx context.Context, v *vault, note string) {
	if v.draft == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	e.keeping.Go(func() {
		err := e.putStubs(ctx, v)
		if err == nil {
			err = v.draft.Commit(note)
		} else {
			v.discard()
		}
		if err != nil {
			e.log.WarnContext(ctx, "compiled code is not kept", "err", err)
		}
	})
}

// putStubs puts stubs in the place of the modules.
func (e *Engine) putStubs(ctx context.Context, v *vault) (err error) {
	defer func() {
		if p := recover(); p != nil { // modules are a stranger's
			err = errors.Join(err, fmt.Errorf("the compiler gave up: %v", p))
		}
	}()
	r, cache, err := newRuntime(ctx, v.dir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close(ctx), cache.Close(ctx)) }()
	for i, out := range v.cores {
		stub, err := rewrite.Stub(out.Wasm)
		if err != nil {
			return err
		}
		out.Wasm = stub
		if slices.ContainsFunc(v.cores[:i], func(c *rewritten) bool { return bytes.Equal(c.Wasm, stub) }) {
			continue // of the same module
		}
		had := v.code()
		if _, err := r.CompileModule(ctx, stub); err != nil { // too little for a worker
			return err
		}
		if err := v.replace(added(had, v.code()), v.files[i]); err != nil {
			return fmt.Errorf("module %d: %w", i, err)
		}
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v.cores); err != nil {
		return err
	}
	return v.draft.Write(coresFile, b.Bytes())
}

// replace puts the code of a module in the place of its stub's. Each is one
// file.
func (v *vault) replace(stub, module []string) error {
	if len(stub) != 1 || len(module) != 1 {
		return fmt.Errorf("its code is in %d files, and that of its stub in %d", len(module), len(stub))
	}
	return os.Rename(filepath.Join(v.draft.Dir(), module[0]), filepath.Join(v.draft.Dir(), stub[0]))
}

func (v *vault) discard() {
	if v.draft != nil {
		_ = v.draft.Discard() // swept up later
	}
}
