package types

import (
	"fmt"
	"strings"
)

// formatBudget is how long a type may get in a message.
const formatBudget = 400

// String returns v in the notation of WIT, shortened if it is very long.
func (v *Value) String() string {
	var b strings.Builder
	writeValue(&b, v)
	return b.String()
}

// String returns f in the notation of WIT.
func (f *Func) String() string {
	var b strings.Builder
	if f.Async {
		b.WriteString("async ")
	}
	b.WriteString("func(")
	for i, p := range f.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name + ": ")
		writeValue(&b, p.Type)
	}
	b.WriteString(")")
	if f.Result != nil {
		b.WriteString(" -> ")
		writeValue(&b, f.Result)
	}
	return b.String()
}

// Describe names any type in a few words.
func Describe(t Type) string {
	switch t := t.(type) {
	case *Value:
		return t.String()
	case *Func:
		return t.String()
	case *Instance:
		return "instance type"
	case *Component:
		return "component type"
	case *Resource:
		return "resource " + t.Name
	}
	return "no type"
}

func writeValue(b *strings.Builder, v *Value) {
	if b.Len() > formatBudget {
		b.WriteString("…")
		return
	}
	b.WriteString(v.Kind.String())
	switch v.Kind {
	case Record:
		for i, f := range v.Fields {
			separate(b, i, " { ")
			b.WriteString(f.Name + ": ")
			writeValue(b, f.Type)
		}
		b.WriteString(" }")
	case Variant:
		for i, c := range v.Cases {
			separate(b, i, " { ")
			b.WriteString(c.Name)
			if c.Type != nil {
				b.WriteString("(")
				writeValue(b, c.Type)
				b.WriteString(")")
			}
		}
		b.WriteString(" }")
	case Flags, Enum:
		b.WriteString(" { " + strings.Join(v.Labels, ", ") + " }")
	case Tuple:
		for i, f := range v.Fields {
			separate(b, i, "<")
			writeValue(b, f.Type)
		}
		b.WriteString(">")
	case Own, Borrow:
		b.WriteString("<" + v.Resource.Name + ">")
	case Result:
		writeResult(b, v)
	case FixedList:
		b.WriteString("<")
		writeValue(b, v.Elem)
		fmt.Fprintf(b, ", %d>", v.Length)
	case Map:
		b.WriteString("<")
		writeValue(b, v.Key)
		b.WriteString(", ")
		writeValue(b, v.Elem)
		b.WriteString(">")
	default:
		if v.Elem != nil {
			b.WriteString("<")
			writeValue(b, v.Elem)
			b.WriteString(">")
		}
	}
}

func separate(b *strings.Builder, i int, open string) {
	if i == 0 {
		b.WriteString(open)
		return
	}
	b.WriteString(", ")
}

func writeResult(b *strings.Builder, v *Value) {
	if v.Elem == nil && v.Err == nil {
		return
	}
	b.WriteString("<")
	if v.Elem == nil {
		b.WriteString("_")
	} else {
		writeValue(b, v.Elem)
	}
	if v.Err != nil {
		b.WriteString(", ")
		writeValue(b, v.Err)
	}
	b.WriteString(">")
}
