package variables

import (
	"errors"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// A Host gives components their variables.
type Host struct{ states component.Slot[*Component] }

// Link offers the interfaces to components that l links.
func Link(l *component.Linker) *Host {
	h := &Host{component.NewSlot[*Component](l)}
	l.Func("fermyon:spin/variables@2.0.0", "get", h.get(variablesError))
	l.Func("fermyon:spin/config", "get-config", h.get(configError))
	const store = "wasi:config/store@0.2.0-draft-2024-09-27"
	l.Func(store, "get", h.storeGet)
	l.Func(store, "get-all", h.storeAll)
	l.MustDeclare(interfaces)
	return h
}

// Set gives in the variables of its component. Without, it has none.
func (h *Host) Set(in *component.Instance, c *Component) { h.states.Set(in, c) }

// nobody is for an instance that was given nothing.
var nobody = &Component{app: &App{}}

func (h *Host) of(c *component.Call) *Component {
	if s := h.states.Get(c); s != nil {
		return s
	}
	return nobody
}

func (h *Host) get(failure func(*Error) abi.Value) component.HostFunc {
	return func(c *component.Call, args []abi.Value) (abi.Value, error) {
		value, err := h.of(c).Get(args[0].Text())
		if e, ok := errors.AsType[*Error](err); ok {
			return abi.Err(failure(e)), nil
		}
		return abi.OK(abi.String(value)), err
	}
}

// variablesError is the error of fermyon:spin/variables.
func variablesError(e *Error) abi.Value { return abi.Variant(int(e.Kind), abi.String(e.Text)) }

// Cases of the error of fermyon:spin/config.
const (
	configProvider = iota
	configInvalidKey
	_ // invalid-schema
	configOther
)

func configError(e *Error) abi.Value {
	return abi.Variant([...]int{
		InvalidName: configInvalidKey, Undefined: configProvider, Provider: configProvider, Other: configOther,
	}[e.Kind], abi.String(e.Text))
}

// Cases of the error of wasi:config/store.
const (
	storeUpstream = iota
	storeIO
)

func storeError(e *Error) abi.Value {
	if e.Kind == Provider {
		return abi.Err(abi.Variant(storeUpstream, abi.String(e.Text)))
	}
	return abi.Err(abi.Variant(storeIO, abi.String(e.Text)))
}

// storeGet answers none for what is not there, and for names that nothing could
// have, as Spin does.
func (h *Host) storeGet(c *component.Call, args []abi.Value) (abi.Value, error) {
	value, err := h.of(c).Get(args[0].Text())
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Kind == InvalidName || e.Kind == Undefined {
			return abi.OK(abi.None()), nil
		}
		return storeError(e), nil
	}
	return abi.OK(abi.Some(abi.String(value))), err
}

func (h *Host) storeAll(c *component.Call, _ []abi.Value) (abi.Value, error) {
	own := h.of(c)
	pairs, total := []abi.Value{}, 0
	for _, name := range own.Names() {
		value, err := own.Get(name)
		if total += len(name) + len(value); err == nil && total > maxValue {
			err = fail(Other, "values: limit %d bytes", maxValue)
		}
		if e, ok := errors.AsType[*Error](err); ok {
			return storeError(e), nil
		}
		pairs = append(pairs, abi.Tuple(abi.String(name), abi.String(value)))
	}
	return abi.OK(abi.List(pairs...)), nil
}
