package wasi

import (
	"context"
	"errors"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// files binds functions of descriptors.
type files struct {
	scope
	h *Host
}

func (h *Host) linkFiles(l *component.Linker) {
	s := in(l, "wasi:filesystem/types", track02, trackNov, trackOct)
	h.descriptors = resource(s, "descriptor", func(_ context.Context, d *filesystem.Descriptor) error {
		_ = d.Close() // the guest has synced before, or does not care
		return nil
	})
	h.listings = resource[*filesystem.Entries](s, "directory-entry-stream", nil)
	f := files{s, h}
	f.content()
	f.attributes()
	f.paths()
	f.changes()
	files{in(l, "wasi:filesystem/types", trackOct), h}.october()
	s.fn("filesystem-error-code", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		if c, ok := errors.AsType[filesystem.Code](h.Errors.Of(args[0]).Err); ok {
			return abi.Some(abi.Case(int(c))), nil
		}
		return abi.None(), nil
	})
	in(l, "wasi:filesystem/preopens", track02, trackNov, trackOct).fn("get-directories", h.directories)
}

// directories gives the guest handles to the preopens, new ones each time it
// asks.
func (h *Host) directories(c *component.Call, _ []abi.Value) (abi.Value, error) {
	var list []abi.Value
	for _, p := range h.states.Get(c).Preopens {
		d, err := p.Dir.Again()
		if err != nil {
			return abi.Value{}, err
		}
		list = append(list, abi.Tuple(h.descriptors.Own(d), abi.String(p.Path)))
	}
	return abi.List(list...), nil
}

// method binds a function of a descriptor; an error is its error-code.
func (f files) method(name string, fn func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error)) {
	f.fn("[method]descriptor."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		v, err := fn(f.h.descriptors.Of(args[0]), args[1:])
		if err != nil {
			return abi.Err(abi.Case(int(filesystem.CodeOf(err)))), nil
		}
		return abi.OK(v), nil
	})
}

func (f files) content() {
	output := func(dst stream.Output, err error) (abi.Value, error) {
		if err != nil {
			return abi.Value{}, err
		}
		return f.h.Outputs.Own(stream.NewOutput(dst)), nil
	}
	f.method("read-via-stream", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		src, err := d.ReadVia(args[0].U64())
		if err != nil {
			return abi.Value{}, err
		}
		return f.h.Inputs.Own(stream.NewInput(src)), nil
	})
	f.method("write-via-stream", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return output(d.WriteVia(args[0].U64()))
	})
	f.method("append-via-stream", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		return output(d.AppendVia())
	})
	f.method("read", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		b, end, err := d.Read(args[0].U64(), args[1].U64())
		return abi.Tuple(abi.Bytes(b), abi.Bool(end)), err
	})
	f.method("write", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		n, err := d.Write(args[0].Bytes(), args[1].U64())
		return abi.U64(n), err
	})
	f.method("set-size", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.SetSize(args[0].U64())
	})
	f.method("advise", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) { return abi.Value{}, d.Advise() })
	f.method("sync", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) { return abi.Value{}, d.Sync() })
	f.method("sync-data", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) { return abi.Value{}, d.Sync() })
}

func fileTime(t time.Time) abi.Value {
	if t.IsZero() {
		return abi.None()
	}
	return abi.Some(datetime(t))
}

func fileStat(s filesystem.Stat) abi.Value {
	return abi.Record(abi.Case(int(s.Type)), abi.U64(s.Links), abi.U64(s.Size), fileTime(s.Accessed), fileTime(s.Modified), fileTime(s.Changed))
}

func fileHash(s filesystem.Stat) abi.Value {
	lower, upper := s.Hash()
	return abi.Record(abi.U64(lower), abi.U64(upper))
}

func newTime(v abi.Value) filesystem.NewTime {
	switch v.Case() {
	case 0:
		return filesystem.NewTime{}
	case 1:
		return filesystem.NewTime{Change: true, Now: true}
	}
	at := v.Payload()
	return filesystem.NewTime{Change: true, Time: time.Unix(int64(at.At(0).U64()), int64(at.At(1).U32()))}
}

func follows(v abi.Value) bool { return v.Flags()&1 != 0 }

func (f files) attributes() {
	f.method("get-flags", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		return abi.Flags(uint32(d.Flags())), nil
	})
	f.method("get-type", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		t, err := d.Type()
		return abi.Case(int(t)), err
	})
	f.method("stat", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		s, err := d.Stat()
		return fileStat(s), err
	})
	f.method("stat-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		s, err := d.StatAt(follows(args[0]), args[1].Text())
		return fileStat(s), err
	})
	f.method("metadata-hash", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		s, err := d.Stat()
		return fileHash(s), err
	})
	f.method("metadata-hash-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		s, err := d.StatAt(follows(args[0]), args[1].Text())
		return fileHash(s), err
	})
	f.method("set-times", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.SetTimes(newTime(args[0]), newTime(args[1]))
	})
	f.method("set-times-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.SetTimesAt(follows(args[0]), args[1].Text(), newTime(args[2]), newTime(args[3]))
	})
	f.fn("[method]descriptor.is-same-object", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Bool(f.h.descriptors.Of(args[0]).IsSame(f.h.descriptors.Of(args[1]))), nil
	})
}

func (f files) paths() {
	f.method("open-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		opened, err := d.OpenAt(follows(args[0]), args[1].Text(), filesystem.OpenFlags(args[2].Flags()), filesystem.Flags(args[3].Flags()))
		if err != nil {
			return abi.Value{}, err
		}
		return f.h.descriptors.Own(opened), nil
	})
	f.method("readlink-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		target, err := d.ReadlinkAt(args[0].Text())
		return abi.String(target), err
	})
	f.method("read-directory", func(d *filesystem.Descriptor, _ []abi.Value) (abi.Value, error) {
		e, err := d.ReadDirectory()
		if err != nil {
			return abi.Value{}, err
		}
		return f.h.listings.Own(e), nil
	})
	f.fn("[method]directory-entry-stream.read-directory-entry", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		e, ok, err := f.h.listings.Of(args[0]).Next()
		switch {
		case err != nil:
			return abi.Err(abi.Case(int(filesystem.CodeOf(err)))), nil
		case !ok:
			return abi.OK(abi.None()), nil
		}
		return abi.OK(abi.Some(abi.Record(abi.Case(int(e.Type)), abi.String(e.Name)))), nil
	})
}

func (f files) changes() {
	one := func(name string, fn func(d *filesystem.Descriptor, path string) error) {
		f.method(name, func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
			return abi.Value{}, fn(d, args[0].Text())
		})
	}
	one("create-directory-at", (*filesystem.Descriptor).CreateDirectoryAt)
	one("remove-directory-at", (*filesystem.Descriptor).RemoveDirectoryAt)
	one("unlink-file-at", (*filesystem.Descriptor).UnlinkFileAt)
	f.method("symlink-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.SymlinkAt(args[0].Text(), args[1].Text())
	})
	f.method("rename-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.RenameAt(args[0].Text(), f.h.descriptors.Of(args[1]), args[2].Text())
	})
	f.method("link-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		return abi.Value{}, d.LinkAt(follows(args[0]), args[1].Text(), f.h.descriptors.Of(args[2]), args[3].Text())
	})
}

// october binds what only the candidate of October 2023 has. Permissions and
// locks are not supported.
func (f files) october() {
	f.method("access-at", func(d *filesystem.Descriptor, args []abi.Value) (abi.Value, error) {
		if _, err := d.StatAt(follows(args[0]), args[1].Text()); err != nil {
			return abi.Value{}, err
		}
		const writable = 2
		if a := args[2]; a.Case() == 0 && a.Payload().Flags()&writable != 0 && d.Flags()&filesystem.MutateDirectory == 0 {
			return abi.Value{}, filesystem.Access
		}
		return abi.Value{}, nil
	})
	for _, name := range []string{
		"change-file-permissions-at", "change-directory-permissions-at",
		"lock-shared", "lock-exclusive", "try-lock-shared", "try-lock-exclusive", "unlock",
	} {
		f.method(name, func(*filesystem.Descriptor, []abi.Value) (abi.Value, error) {
			return abi.Value{}, filesystem.Unsupported
		})
	}
}
