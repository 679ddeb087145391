package rewrite

import (
	"slices"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A verdict says how a function is treated.
type verdict struct {
	paid  uint8  // what its callers pay for it; if 0 it has a check of its own
	quiet bool   // neither it nor what it calls touches the counter
	frame uint32 // bytes of stack that it takes and gives back; 0: it is not counted
}

// outside is the node of the call graph for all that is not in the module.
func (m *Module) outside() uint32 { return uint32(len(m.Funcs)) }

// anyOf is the node for all functions of a type that may be called through a
// table.
func (m *Module) anyOf(t uint32) uint32 { return m.outside() + 1 + t }

// A graph is the call graph of a module. Its nodes are functions, followed by
// outside and the types.
type graph struct {
	m       *Module
	sum     *summary
	entries []uint32   // functions that outside may call
	byType  [][]uint32 // functions that are called by type

	verdicts []verdict // by defined function
	counted  []bool    // by node
	below    []uint32  // by node: bytes of stack down to those that are counted
}

// uncountedStack bounds the frames that are on the stack between two that are
// counted, in bytes. All of them are added to the first, so little is right.
const uncountedStack = 1 << 10

// judge finds the functions that are so small that their callers can pay for
// them, and those that are counted on the stack: one at least of any that call
// each other in a circle. Each is counted with the deepest way from it through
// functions that are not.
func (m *Module) judge(sum *summary, stack int) []verdict {
	n := len(sum.funcs)
	g := &graph{m: m, sum: sum, verdicts: make([]verdict, n)}
	nodes := len(m.Funcs) + 1 + len(m.Types)
	walk(len(m.Funcs), m.importedFuncs, g.plain, g.pay, nil)
	if stack == 0 {
		return g.verdicts
	}
	g.link()
	g.counted, g.below = make([]bool, nodes), make([]uint32, nodes)
	// In a circle by way of a table or of the outside, who calls there is counted.
	walk(nodes, m.importedFuncs, g.callees, g.countIndirect, nil)
	// That leaves circles of direct calls.
	walk(nodes, m.importedFuncs, g.uncounted, g.ignore, g.count)
	// And no others.
	walk(nodes, m.importedFuncs, g.uncounted, g.measure, nil)
	for i, f := range sum.funcs {
		if node := uint32(m.importedFuncs + i); g.counted[node] {
			g.verdicts[i].frame = f.frame + g.deepest(g.callees(node))
		}
	}
	return g.verdicts
}

// link finds what the nodes that are not functions call.
func (g *graph) link() {
	m := g.m
	taken := slices.Concat(m.taken, g.sum.taken)
	slices.Sort(taken)
	taken = slices.Compact(taken)
	g.entries = slices.Clone(taken)
	shared := len(taken) > 0 && taken[0] < uint32(m.importedFuncs)
	for _, e := range m.Exports {
		if e.Sort == types.CoreSortFunc {
			g.entries = append(g.entries, e.Index)
		}
		shared = shared || e.Sort == types.CoreSortTable
	}
	for _, i := range m.Imports {
		shared = shared || i.Type.Sort == types.CoreSortTable
	}
	alike := make(map[string]int, len(m.Types))
	g.byType = make([][]uint32, len(m.Types))
	first := make([]int, len(m.Types))
	for i, t := range m.Types {
		key := t.String()
		if _, ok := alike[key]; !ok {
			alike[key] = i
		}
		first[i] = alike[key]
		if shared && first[i] == i {
			g.byType[i] = []uint32{m.outside()}
		}
	}
	for _, f := range taken {
		t := first[m.Funcs[f]]
		g.byType[t] = append(g.byType[t], f)
	}
	for i, t := range first {
		if i != t {
			g.byType[i] = []uint32{m.anyOf(uint32(t))} // not the same list over and over
		}
	}
}

func (g *graph) function(node uint32) (function, bool) {
	if i := int(node) - g.m.importedFuncs; i >= 0 && i < len(g.sum.funcs) {
		return g.sum.funcs[i], true
	}
	return function{}, false
}

// callees returns all that a node may call.
func (g *graph) callees(node uint32) []uint32 {
	if f, ok := g.function(node); ok {
		return g.sum.calls[f.calls.from:f.calls.to]
	}
	switch outside := g.m.outside(); {
	case node < outside:
		return nil
	case node == outside:
		return g.entries
	default:
		return g.byType[node-outside-1]
	}
}

// plain returns the functions that a function calls directly and not in a
// loop, or more.
func (g *graph) plain(node uint32) []uint32 {
	if f, ok := g.function(node); ok {
		return g.sum.plain[f.plain.from:f.plain.to]
	}
	return nil
}

// countIndirect is told of nodes that call each other if they are cyclic.
func (g *graph) countIndirect(nodes []uint32, cyclic bool) {
	if !cyclic {
		return
	}
	for _, n := range nodes {
		if f, ok := g.function(n); ok {
			calls := g.sum.calls[f.calls.from:f.calls.to]
			g.counted[n] = slices.ContainsFunc(calls, func(c uint32) bool { return c >= g.m.outside() })
		}
	}
}

func (g *graph) count(node uint32) {
	if _, ok := g.function(node); ok {
		g.counted[node] = true
	}
}

func (*graph) ignore([]uint32, bool) {}

// uncounted returns what a node may call, or nothing if it is counted.
func (g *graph) uncounted(node uint32) []uint32 {
	if g.counted[node] {
		return nil
	}
	return g.callees(node)
}

// measure finds the deepest way from a node whose callees have been measured,
// and counts the node if it is too deep.
func (g *graph) measure(nodes []uint32, _ bool) {
	n := nodes[0]
	if g.counted[n] {
		return
	}
	f, ok := g.function(n)
	below := f.frame + g.deepest(g.callees(n))
	if ok && below > uncountedStack {
		g.counted[n] = true
		return
	}
	g.below[n] = below
}

func (g *graph) deepest(nodes []uint32) uint32 {
	deepest := uint32(0)
	for _, n := range nodes {
		deepest = max(deepest, g.below[n])
	}
	return deepest
}

// pay decides on a function whose callees have been decided on. What calls
// itself without a loop, or what nobody knows, must have a check.
func (g *graph) pay(nodes []uint32, cyclic bool) {
	f, ok := g.function(nodes[0])
	if cyclic || !ok {
		return
	}
	cost, quiet := f.cost, f.quiet
	for _, callee := range g.plain(nodes[0]) {
		if cost > small || callee >= g.m.outside() {
			return
		}
		v := g.verdicts[int(callee)-g.m.importedFuncs]
		cost += uint32(v.paid)
		quiet = quiet && v.quiet
	}
	if cost <= small {
		v := &g.verdicts[int(nodes[0])-g.m.importedFuncs]
		v.paid, v.quiet = uint8(max(1, cost)), quiet
	}
}

// A visit is a node whose callees are being looked at.
type visit struct {
	node uint32
	next int
}

// walk finds the strongly connected parts of a graph, by Tarjan's algorithm.
// It starts at the nodes from first and ignores calls of nodes that there are
// not. Callees come before their callers. If there is back, it is told of
// nodes of which each circle has at least one.
func walk(nodes, first int, callees func(uint32) []uint32, part func(nodes []uint32, cyclic bool), back func(uint32)) {
	order, low := make([]uint32, nodes), make([]uint32, nodes) // 0: not seen yet
	const done = ^uint32(0)
	var stack []uint32
	var visits []visit
	seen := uint32(0)
	open := make([]bool, nodes) // being visited
	enter := func(n uint32) {
		seen++
		open[n] = true
		order[n], low[n] = seen, seen
		stack, visits = append(stack, n), append(visits, visit{node: n})
	}
	for root := first; root < nodes; root++ {
		if order[root] == 0 {
			enter(uint32(root))
		}
		for len(visits) > 0 {
			v := &visits[len(visits)-1]
			if to := callees(v.node); v.next < len(to) {
				n := to[v.next]
				v.next++
				switch {
				case int(n) >= nodes:
				case order[n] == 0:
					enter(n)
				case order[n] != done:
					low[v.node] = min(low[v.node], order[n])
					if open[n] && back != nil {
						back(n)
					}
				}
				continue
			}
			n := v.node
			open[n] = false
			visits = visits[:len(visits)-1]
			if len(visits) > 0 {
				caller := visits[len(visits)-1].node
				low[caller] = min(low[caller], low[n])
			}
			if low[n] != order[n] {
				continue
			}
			at := len(stack) - 1
			for stack[at] != n {
				at--
			}
			found := stack[at:]
			stack = stack[:at]
			for _, n := range found {
				order[n] = done
			}
			part(found, len(found) > 1 || slices.Contains(callees(n), n))
		}
	}
}
