"""Runs cases through the component model's executable specification.

usage: oracle.py DEFINITIONS < cases.json > results.json

DEFINITIONS is definitions.py of the specification. A case lowers a value into
a fresh memory and lifts it back, or lifts from given core values and memory.
"""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("definitions", sys.argv[1])
D = importlib.util.module_from_spec(spec)
sys.modules["definitions"] = D
spec.loader.exec_module(D)
D.DETERMINISTIC_PROFILE = True

PRIMS = {
    "bool": D.BoolType, "s8": D.S8Type, "u8": D.U8Type, "s16": D.S16Type, "u16": D.U16Type,
    "s32": D.S32Type, "u32": D.U32Type, "s64": D.S64Type, "u64": D.U64Type,
    "f32": D.F32Type, "f64": D.F64Type, "char": D.CharType, "string": D.StringType,
}
ENCODINGS = ["utf8", "utf16", "latin1+utf16"]
BASE = 1024


def typ(t):
    if t is None:
        return None
    k = t["k"]
    if k in PRIMS:
        return PRIMS[k]()
    parts = [typ(p) for p in t.get("p", [])]
    n = t.get("n", 0)
    labels = ["l%d" % i for i in range(n)]
    return {
        "list": lambda: D.ListType(parts[0]),
        "fixed": lambda: D.ListType(parts[0], n),
        "map": lambda: D.MapType(parts[0], parts[1]),
        "record": lambda: D.RecordType([D.FieldType("l%d" % i, p) for i, p in enumerate(parts)]),
        "tuple": lambda: D.TupleType(parts),
        "variant": lambda: D.VariantType([D.CaseType("l%d" % i, p) for i, p in enumerate(parts)]),
        "option": lambda: D.OptionType(parts[0]),
        "result": lambda: D.ResultType(parts[0], parts[1]),
        "enum": lambda: D.EnumType(labels),
        "flags": lambda: D.FlagsType(labels),
    }[k]()


def case_labels(t):
    return [c.label for c in D.despecialize(t).cases]


def value(t, v, form):
    """The specification's value for a case's value."""
    match D.despecialize(t):
        case D.BoolType():
            return v == "1"
        case D.F32Type():
            return D.decode_i32_as_float(int(v))
        case D.F64Type():
            return D.decode_i64_as_float(int(v))
        case D.CharType():
            return chr(int(v))
        case D.StringType():
            wide = len(v.encode("utf-16-le")) // 2
            match form:
                case 0:
                    return (v, "utf8", len(v.encode("utf-8")))
                case 1:
                    return (v, "utf16", wide)
            if all(ord(c) < 256 for c in v):
                return (v, "latin1+utf16", len(v))
            return (v, "latin1+utf16", wide | 1 << 31)
        case D.ListType(e):
            return [value(e, x, form) for x in v]
        case D.RecordType(fields):
            return {f.label: value(f.t, x, form) for f, x in zip(fields, v)}
        case D.VariantType(cases):
            c = cases[int(v[0])]
            return {c.label: None if c.t is None else value(c.t, v[1], form)}
        case D.FlagsType(labels):
            return {l: int(v) >> i & 1 == 1 for i, l in enumerate(labels)}
    return int(v)


def plain(t, v):
    """The case's form of one of the specification's values."""
    match D.despecialize(t):
        case D.BoolType():
            return "1" if v else "0"
        case D.F32Type():
            return str(D.encode_float_as_i32(v))
        case D.F64Type():
            return str(D.encode_float_as_i64(v))
        case D.CharType():
            return str(ord(v))
        case D.StringType():
            return v[0]
        case D.ListType(e):
            return [plain(e, x) for x in v]
        case D.RecordType(fields):
            return [plain(f.t, v[f.label]) for f in fields]
        case D.VariantType(cases):
            [(label, x)] = v.items()
            i = case_labels(t).index(label)
            return [str(i), None if cases[i].t is None else plain(cases[i].t, x)]
        case D.FlagsType(labels):
            return str(sum(int(v[l]) << i for i, l in enumerate(labels)))
    return str(v)


class Context(D.LiftLowerContext):
    def __init__(self, encoding, memory):
        opts = D.LiftLowerOptions(ENCODINGS[encoding], D.MemInst(memory, "i32"), None)
        super().__init__(opts, D.ComponentInstance(D.Store()))
        self.next = BASE
        self.calls = []

    def reallocate(self, old, old_size, align, size):
        self.calls.append([str(old_size), str(align), str(size)])
        p = D.align_to(self.next, align)
        self.next = p + size
        memory = self.opts.memory.bytes
        n = min(old_size, size)
        memory[p:p + n] = memory[old:old + n]
        return p


def bits(t, v):
    if t == "f32":
        return str(D.encode_float_as_i32(v))
    if t == "f64":
        return str(D.encode_float_as_i64(v))
    return str(v % (1 << 64))


def core(t, b):
    b = int(b)
    if t == "f32":
        return D.core_f32_reinterpret_i32(b)
    if t == "f64":
        return D.core_f64_reinterpret_i64(b)
    return b


def run(c):
    t = typ(c["type"])
    out = {}
    if "value" in c:
        cx = Context(c["encoding"], bytearray(c["memory"]))
        flat = D.lower_flat_values(cx, c["most"], [value(t, c["value"], c["form"])], [t])
        types = D.flatten_types([t], cx.opts)
        if len(types) > c["most"]:
            types = ["i32"]
        out["flat"] = [bits(ft, v) for ft, v in zip(types, flat)]
        out["calls"] = cx.calls
        out["bytes"] = bytes(cx.opts.memory.bytes[BASE:cx.next]).hex()
        return out
    memory = bytearray.fromhex(c["bytes"])
    cx = Context(c["encoding"], memory)
    types = D.flatten_types([t], cx.opts)
    if len(types) > c["most"]:
        types = ["i32"]
    try:
        [v] = D.lift_flat_values(cx, c["most"], D.CoreValueIter([core(ft, b) for ft, b in zip(types, c["flat"])]), [t])
        out["value"] = plain(t, v)
    except D.Trap:
        out["trap"] = True
    return out


json.dump([run(c) for c in json.load(sys.stdin)], sys.stdout)
