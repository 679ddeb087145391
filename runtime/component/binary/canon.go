package binary

import (
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

// A CanonOp is a canonical definition's opcode.
type CanonOp byte

// Canonical definitions of the synchronous part.
const (
	CanonLift         CanonOp = 0x00
	CanonLower        CanonOp = 0x01
	CanonResourceNew  CanonOp = 0x02
	CanonResourceDrop CanonOp = 0x03
	CanonResourceRep  CanonOp = 0x04
)

// Canonical definitions of the asynchronous part.
const (
	CanonTaskCancel           CanonOp = 0x05
	CanonSubtaskCancel        CanonOp = 0x06
	CanonTaskReturn           CanonOp = 0x09
	CanonContextGet           CanonOp = 0x0a
	CanonContextSet           CanonOp = 0x0b
	CanonThreadYield          CanonOp = 0x0c
	CanonSubtaskDrop          CanonOp = 0x0d
	CanonStreamNew            CanonOp = 0x0e
	CanonStreamRead           CanonOp = 0x0f
	CanonStreamWrite          CanonOp = 0x10
	CanonStreamCancelRead     CanonOp = 0x11
	CanonStreamCancelWrite    CanonOp = 0x12
	CanonStreamDropReadable   CanonOp = 0x13
	CanonStreamDropWritable   CanonOp = 0x14
	CanonFutureNew            CanonOp = 0x15
	CanonFutureRead           CanonOp = 0x16
	CanonFutureWrite          CanonOp = 0x17
	CanonFutureCancelRead     CanonOp = 0x18
	CanonFutureCancelWrite    CanonOp = 0x19
	CanonFutureDropReadable   CanonOp = 0x1a
	CanonFutureDropWritable   CanonOp = 0x1b
	CanonErrorContextNew      CanonOp = 0x1c
	CanonErrorContextDebug    CanonOp = 0x1d
	CanonErrorContextDrop     CanonOp = 0x1e
	CanonWaitableSetNew       CanonOp = 0x1f
	CanonWaitableSetWait      CanonOp = 0x20
	CanonWaitableSetPoll      CanonOp = 0x21
	CanonWaitableSetDrop      CanonOp = 0x22
	CanonWaitableJoin         CanonOp = 0x23
	CanonBackpressureInc      CanonOp = 0x24
	CanonBackpressureDec      CanonOp = 0x25
	CanonThreadIndex          CanonOp = 0x26
	CanonThreadNewIndirect    CanonOp = 0x27
	CanonThreadResumeLater    CanonOp = 0x28
	CanonThreadSuspend        CanonOp = 0x29
	CanonThreadSuspendResume  CanonOp = 0x2a
	CanonThreadYieldResume    CanonOp = 0x2b
	CanonThreadSuspendPromote CanonOp = 0x2c
	CanonThreadYieldPromote   CanonOp = 0x2d
	CanonThreadSpawnRef       CanonOp = 0x40
	CanonThreadSpawnIndirect  CanonOp = 0x41
	CanonAvailableParallelism CanonOp = 0x42
)

const (
	canonOpMax = 0x43

	canonFuncSort = 0x00

	canonOptUTF16      = 0x01
	canonOptLatin1     = 0x02
	canonOptMemory     = 0x03
	canonOptRealloc    = 0x04
	canonOptPostReturn = 0x05
	canonOptAsync      = 0x06
	canonOptCallback   = 0x07
)

// immediates says what follows an opcode, in order.
type immediates string

const (
	immType  = 't' // type index
	immOpts  = 'o'
	immAsync = 'a' // or cancellable, or shared: a flag
	immMem   = 'm' // core memory index
	immTable = 'b' // core table index
	immVal   = 'v' // core value type and number
	immRes   = 'r' // result list
)

var canons = [canonOpMax]struct {
	name string
	imm  immediates
}{
	CanonLift: {"lift", ""}, CanonLower: {"lower", ""},
	CanonResourceNew: {"resource.new", "t"}, CanonResourceDrop: {"resource.drop", "t"}, CanonResourceRep: {"resource.rep", "t"},
	CanonTaskCancel: {"task.cancel", ""}, CanonSubtaskCancel: {"subtask.cancel", "a"},
	CanonTaskReturn: {"task.return", "ro"}, CanonContextGet: {"context.get", "v"}, CanonContextSet: {"context.set", "v"},
	CanonThreadYield: {"thread.yield", "a"}, CanonSubtaskDrop: {"subtask.drop", ""},
	CanonStreamNew: {"stream.new", "t"}, CanonStreamRead: {"stream.read", "to"}, CanonStreamWrite: {"stream.write", "to"},
	CanonStreamCancelRead: {"stream.cancel-read", "ta"}, CanonStreamCancelWrite: {"stream.cancel-write", "ta"},
	CanonStreamDropReadable: {"stream.drop-readable", "t"}, CanonStreamDropWritable: {"stream.drop-writable", "t"},
	CanonFutureNew: {"future.new", "t"}, CanonFutureRead: {"future.read", "to"}, CanonFutureWrite: {"future.write", "to"},
	CanonFutureCancelRead: {"future.cancel-read", "ta"}, CanonFutureCancelWrite: {"future.cancel-write", "ta"},
	CanonFutureDropReadable: {"future.drop-readable", "t"}, CanonFutureDropWritable: {"future.drop-writable", "t"},
	CanonErrorContextNew: {"error-context.new", "o"}, CanonErrorContextDebug: {"error-context.debug-message", "o"},
	CanonErrorContextDrop: {"error-context.drop", ""},
	CanonWaitableSetNew:   {"waitable-set.new", ""}, CanonWaitableSetWait: {"waitable-set.wait", "am"},
	CanonWaitableSetPoll: {"waitable-set.poll", "am"}, CanonWaitableSetDrop: {"waitable-set.drop", ""},
	CanonWaitableJoin: {"waitable.join", ""}, CanonBackpressureInc: {"backpressure.inc", ""}, CanonBackpressureDec: {"backpressure.dec", ""},
	CanonThreadIndex: {"thread.index", ""}, CanonThreadNewIndirect: {"thread.new-indirect", "tb"},
	CanonThreadResumeLater: {"thread.resume-later", ""}, CanonThreadSuspend: {"thread.suspend", "a"},
	CanonThreadSuspendResume: {"thread.suspend-then-resume", "a"}, CanonThreadYieldResume: {"thread.yield-then-resume", "a"},
	CanonThreadSuspendPromote: {"thread.suspend-then-promote", "a"}, CanonThreadYieldPromote: {"thread.yield-then-promote", "a"},
	CanonThreadSpawnRef: {"thread.spawn-ref", "at"}, CanonThreadSpawnIndirect: {"thread.spawn-indirect", "atb"},
	CanonAvailableParallelism: {"thread.available-parallelism", "a"},
}

// String returns the name of the definition in the text format.
func (op CanonOp) String() string {
	if op < canonOpMax && canons[op].name != "" {
		return canons[op].name
	}
	return fmt.Sprintf("canon(%#x)", byte(op))
}

// Sync reports whether op belongs to the synchronous part of the ABI.
func (op CanonOp) Sync() bool { return op <= CanonResourceRep }

// A Canon is one canonical definition.
type Canon struct {
	Op      CanonOp
	Func    uint32 // lift: core function; lower: function
	Type    uint32 // lift: function type; others: resource, stream, future or core type
	Memory  uint32
	Table   uint32
	Val     types.CoreType // context.get and set
	Slot    uint32
	Result  *ValRef // task.return
	Flag    bool    // async, cancellable or shared, as the definition has it
	Options Options
}

// Encoding is a string encoding.
type Encoding uint8

// String encodings.
const (
	UTF8 Encoding = iota
	UTF16
	Latin1UTF16
)

// String returns the encoding as the text format writes it.
func (e Encoding) String() string { return [...]string{"utf8", "utf16", "latin1+utf16"}[e] }

// Options are the canonical options of a definition; nil is absent.
type Options struct {
	Encoding                              Encoding
	Memory, Realloc, PostReturn, Callback *uint32
	Async                                 bool
}

func (r *reader) canon() *Canon {
	at := r.offset()
	c := &Canon{Op: CanonOp(r.byte())}
	if c.Op >= canonOpMax || canons[c.Op].name == "" {
		r.failAt(at, "invalid canonical definition %#x", byte(c.Op))
		return c
	}
	switch c.Op {
	case CanonLift:
		r.funcSort()
		c.Func, c.Options, c.Type = r.u32(), r.options(), r.u32()
	case CanonLower:
		r.funcSort()
		c.Func, c.Options = r.u32(), r.options()
	}
	for _, imm := range canons[c.Op].imm {
		r.immediate(c, imm)
	}
	return c
}

func (r *reader) funcSort() {
	if s := r.byte(); s != canonFuncSort {
		r.fail("invalid sort %#x of a lifted or lowered function", s)
	}
}

func (r *reader) immediate(c *Canon, imm rune) {
	switch imm {
	case immType:
		c.Type = r.u32()
	case immOpts:
		c.Options = r.options()
	case immAsync:
		c.Flag = r.bool("flag")
	case immMem:
		c.Memory = r.u32()
	case immTable:
		c.Table = r.u32()
	case immVal:
		c.Val, c.Slot = r.coreVal(), r.u32()
	case immRes:
		c.Result = r.results()
	}
}

func (r *reader) options() Options {
	var o Options
	encoded := false
	r.each(func(int) {
		at := r.offset()
		switch k := r.byte(); k {
		case 0x00, canonOptUTF16, canonOptLatin1:
			if encoded {
				r.failAt(at, "canonical option string-encoding is given twice")
			}
			o.Encoding, encoded = Encoding(k), true
		case canonOptMemory:
			r.optionIndex(at, "memory", &o.Memory)
		case canonOptRealloc:
			r.optionIndex(at, "realloc", &o.Realloc)
		case canonOptPostReturn:
			r.optionIndex(at, "post-return", &o.PostReturn)
		case canonOptAsync:
			if o.Async {
				r.failAt(at, "canonical option async is given twice")
			}
			o.Async = true
		case canonOptCallback:
			r.optionIndex(at, "callback", &o.Callback)
		default:
			r.failAt(at, "invalid canonical option %#x", k)
		}
	})
	return o
}

func (r *reader) optionIndex(at int, name string, to **uint32) {
	if *to != nil {
		r.failAt(at, "canonical option %s is given twice", name)
	}
	i := r.u32()
	*to = &i
}
