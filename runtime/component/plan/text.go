package plan

import (
	"fmt"
	"io"
	"strings"
)

// String returns the plan as text, one line for each thing to do.
func (p *Plan) String() string {
	var b strings.Builder
	for i, in := range p.Instances {
		if in.Parent >= 0 {
			fmt.Fprintf(&b, "component %d: in %d\n", i, in.Parent)
		}
	}
	for _, f := range p.Borrowed {
		fmt.Fprintf(&b, "import resource %s\n", qualified(f.Instance, f.Name))
	}
	for _, i := range p.Imports {
		fmt.Fprintf(&b, "import %s: %s\n", qualified(i.Instance, i.Name), i.Type)
	}
	for i, r := range p.Resources {
		fmt.Fprintf(&b, "resource %d: of component %d", i, r.Instance)
		writeOption(&b, "dtor", r.Dtor)
		b.WriteString("\n")
	}
	for _, f := range p.Funcs {
		if f.Import == nil {
			fmt.Fprintf(&b, "function %d: lift %s of component %d", f.Number, f.Core, f.Instance)
			f.Options.write(&b)
			fmt.Fprintf(&b, " %s\n", f.Type)
		}
	}
	for i, h := range p.Hosts {
		fmt.Fprintf(&b, "host %d: ", i)
		h.write(&b)
	}
	for i, c := range p.Cores {
		fmt.Fprintf(&b, "%d: instantiate module %d of component %d\n", i, c.Number, c.Instance)
		for k, imp := range c.Module.Imports {
			fmt.Fprintf(&b, "\t%s %q %q = %s\n", imp.Type.Sort, imp.Module, imp.Name, c.Imports[k])
		}
		if c.Init != "" {
			fmt.Fprintf(&b, "\tcall %s\n", c.Init)
		}
	}
	writeExports(&b, "", p.Exports)
	for _, r := range p.Refused {
		fmt.Fprintf(&b, "refused: %s\n", r)
	}
	return b.String()
}

// String returns r as instance.export or host number.
func (r Ref) String() string {
	if r.OnHost() {
		return fmt.Sprintf("host %d", r.Host)
	}
	return fmt.Sprintf("%d.%s", r.Core, r.Name)
}

func qualified(instance, name string) string {
	if instance == "" {
		return name
	}
	return instance + "#" + name
}

func (h Host) write(w io.Writer) {
	switch h.Kind {
	case Lower:
		fmt.Fprintf(w, "lower %s for component %d", h.Func.name(), h.Instance)
		h.Options.write(w)
	case External:
		fmt.Fprintf(w, "%s#%s", h.Module, h.Name)
	case Unsupported:
		fmt.Fprintf(w, "%s for component %d", h.Canon, h.Instance)
	default:
		fmt.Fprintf(w, "%s %s for component %d", h.Canon, h.Resource.Name, h.Instance)
	}
	fmt.Fprintf(w, " %s\n", h.Core)
}

func (o Options) write(w io.Writer) {
	if o.Memory != nil || o.Encoding != 0 {
		fmt.Fprintf(w, " %s", o.Encoding)
	}
	writeOption(w, "memory", o.Memory)
	writeOption(w, "realloc", o.Realloc)
	writeOption(w, "post-return", o.PostReturn)
	writeOption(w, "callback", o.Callback)
}

func writeOption(w io.Writer, name string, r *Ref) {
	if r != nil {
		fmt.Fprintf(w, " %s=%s", name, r)
	}
}

func (f *Func) name() string {
	if f.Import != nil {
		return qualified(f.Import.Instance, f.Import.Name)
	}
	return fmt.Sprintf("function %d", f.Number)
}

func writeExports(w io.Writer, prefix string, exports []Export) {
	for _, e := range exports {
		switch {
		case e.Func != nil:
			fmt.Fprintf(w, "export %s%s = %s\n", prefix, e.Name, e.Func.name())
		case e.Instance != nil:
			writeExports(w, prefix+e.Name+"#", e.Instance)
		}
	}
}
