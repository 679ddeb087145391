package wasihttp

import (
	"errors"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// headerResult is a result<_, header-error>. What is no header-error ends the
// guest.
func headerResult(ok abi.Value, err error) (abi.Value, error) {
	for i, e := range []error{ErrFieldSyntax, ErrFieldForbidden, ErrImmutable} {
		if errors.Is(err, e) {
			return abi.Err(abi.Case(i)), nil
		}
	}
	return abi.OK(ok), err
}

func (h *Host) linkFields(b binding) {
	b.fn("[constructor]fields", func(*component.Call, []abi.Value) (abi.Value, error) {
		return h.fields.Own(new(Fields)), nil
	})
	b.fn("[static]fields.from-list", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		f := new(Fields)
		for _, e := range args[0].Values() {
			if err := f.Append(e.At(0).Text(), e.At(1).Bytes()); err != nil {
				return headerResult(abi.Value{}, err)
			}
		}
		return abi.OK(h.fields.Own(f)), nil
	})
	h.changeFields(b, headerResult)
}

// changeFields binds what changes fields; result makes what a change returns.
func (h *Host) changeFields(b binding, result func(abi.Value, error) (abi.Value, error)) {
	change := func(name string, fn func(f *Fields, name string, args []abi.Value) error) {
		b.fn("[method]fields."+name, func(_ *component.Call, args []abi.Value) (abi.Value, error) {
			return result(abi.Value{}, fn(h.fields.Of(args[0]), args[1].Text(), args[2:]))
		})
	}
	change("set", func(f *Fields, name string, args []abi.Value) error { return f.Set(name, byteLists(args[0])) })
	change("append", func(f *Fields, name string, args []abi.Value) error { return f.Append(name, args[0].Bytes()) })
	change("delete", func(f *Fields, name string, _ []abi.Value) error { return f.Delete(name) })
}

func byteLists(v abi.Value) [][]byte {
	lists := make([][]byte, v.Len())
	for i := range lists {
		lists[i] = v.At(i).Bytes()
	}
	return lists
}

func (h *Host) readFields(b binding) {
	b.fn("[method]fields.get", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		var list []abi.Value
		for _, v := range h.fields.Of(args[0]).Get(args[1].Text()) {
			list = append(list, abi.Bytes(v))
		}
		return abi.List(list...), nil
	})
	b.fn("[method]fields.has", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return abi.Bool(h.fields.Of(args[0]).Has(args[1].Text())), nil
	})
	b.fn("[method]fields.entries", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return fieldList(h.fields.Of(args[0])), nil
	})
	b.fn("[method]fields.clone", func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		return h.fields.Own(h.fields.Of(args[0]).Clone()), nil
	})
}

// fieldList is a list<tuple<field-key, field-value>>.
func fieldList(f *Fields) abi.Value {
	list := make([]abi.Value, len(f.Entries()))
	for i, e := range f.Entries() {
		list[i] = abi.Tuple(abi.String(e.Name), abi.Bytes(e.Value))
	}
	return abi.List(list...)
}
