package abi

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
)

// randomCase makes a case that lowers a random value, or one that lifts from
// random memory that is often nearly right.
func randomCase(r *rand.Rand) vector {
	v := vector{Type: randomType(r, 3), Encoding: r.IntN(3), Form: r.IntN(3), Most: 16}
	if r.IntN(3) == 0 {
		v.Most = 0
	}
	if r.IntN(2) == 0 {
		v.Memory = 1 << 16
		v.Value = randomValue(r, v.Type, 3)
		return v
	}
	memory := make([]byte, 64+8*r.IntN(8))
	for i := 0; i+4 <= len(memory); i += 4 { // pointers, lengths, discriminants: small numbers
		n := uint32(r.IntN(12)) << (2 * r.IntN(3))
		if r.IntN(12) == 0 {
			n = r.Uint32()
		}
		if r.IntN(4) == 0 {
			n |= uint32('a'+r.IntN(26)) << 8
		}
		binary.LittleEndian.PutUint32(memory[i:], n)
	}
	v.Bytes = hex.EncodeToString(memory)
	for range 16 {
		n := uint64(r.IntN(9))
		if r.IntN(6) == 0 {
			n = uint64(r.Uint32())
		}
		v.Flat = append(v.Flat, strconv.FormatUint(n, 10))
	}
	if v.Most == 0 {
		v.Flat[0] = strconv.Itoa(8 * r.IntN(4))
	}
	return v
}

var primNames = []string{"bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string", "string", "string"}

func randomType(r *rand.Rand, depth int) *caseType {
	if depth == 0 || r.IntN(3) == 0 {
		return &caseType{K: primNames[r.IntN(len(primNames))]}
	}
	sub := func() *caseType { return randomType(r, depth-1) }
	some := func(n int) (out []*caseType) {
		for range 1 + r.IntN(n) {
			out = append(out, sub())
		}
		return out
	}
	maybe := func() *caseType {
		if r.IntN(3) == 0 {
			return nil
		}
		return sub()
	}
	switch r.IntN(11) {
	case 0, 1:
		return &caseType{K: "list", P: []*caseType{sub()}}
	case 2:
		return &caseType{K: "fixed", P: []*caseType{sub()}, N: 1 + r.IntN(4)}
	case 3:
		return &caseType{K: "map", P: []*caseType{{K: []string{"string", "u8", "char", "s64"}[r.IntN(4)]}, sub()}}
	case 4:
		return &caseType{K: "record", P: some(5)}
	case 5:
		return &caseType{K: "tuple", P: some(4)}
	case 6:
		return &caseType{K: "option", P: []*caseType{sub()}}
	case 7:
		return &caseType{K: "result", P: []*caseType{maybe(), maybe()}}
	case 8:
		return &caseType{K: "enum", N: []int{1, 3, 300}[r.IntN(3)]}
	case 9:
		return &caseType{K: "flags", N: 1 + r.IntN(32)}
	}
	v := &caseType{K: "variant"}
	for range 1 + r.IntN(4) {
		v.P = append(v.P, maybe())
	}
	return v
}

var alphabet = []rune("abcXYZ 0é÷ÿ世界π😀\u00ff\uffff\x00")

func randomValue(r *rand.Rand, t *caseType, most int) any {
	list := func(n int, elem func(i int) *caseType) any {
		out := make([]any, n)
		for i := range out {
			out[i] = randomValue(r, elem(i), most)
		}
		return out
	}
	pick := func(cases []*caseType) any {
		i := r.IntN(len(cases))
		if cases[i] == nil {
			return []any{strconv.Itoa(i), nil}
		}
		return []any{strconv.Itoa(i), randomValue(r, cases[i], most)}
	}
	switch t.K {
	case "string":
		var s []rune
		chars := alphabet[:1+r.IntN(len(alphabet))]
		for range r.IntN(6) {
			s = append(s, chars[r.IntN(len(chars))])
		}
		return string(s)
	case "list":
		return list(r.IntN(most+1), func(int) *caseType { return t.P[0] })
	case "fixed":
		return list(t.N, func(int) *caseType { return t.P[0] })
	case "map":
		return list(r.IntN(most+1), func(int) *caseType { return &caseType{K: "tuple", P: t.P} })
	case "record", "tuple":
		return list(len(t.P), func(i int) *caseType { return t.P[i] })
	case "variant", "result":
		return pick(t.P)
	case "option":
		return pick([]*caseType{nil, t.P[0]})
	case "enum":
		return []any{strconv.Itoa(r.IntN(t.N)), nil}
	case "flags":
		return strconv.FormatUint(r.Uint64()&(1<<t.N-1), 10)
	case "char":
		return strconv.Itoa(int(alphabet[r.IntN(len(alphabet))]))
	}
	return randomNumber(r, t.K)
}

func randomNumber(r *rand.Rand, kind string) string {
	bits := map[string]int{"bool": 1, "s8": 8, "u8": 8, "s16": 16, "u16": 16, "s32": 32, "u32": 32, "f32": 32}[kind]
	if bits == 0 {
		bits = 64
	}
	n := r.Uint64() >> (64 - bits)
	if kind[0] == 's' {
		return strconv.FormatInt(int64(n<<(64-bits))>>(64-bits), 10)
	}
	return strconv.FormatUint(n, 10)
}
