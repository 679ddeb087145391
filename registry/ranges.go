package registry

import (
	"fmt"
	"math"
	"strings"
)

// A span is an inclusive range of bytes.
type span struct{ first, last int64 }

// parseContentRange reads the Content-Range of a chunk: "0-99" as the
// specification has it, or "bytes 0-99/200" as HTTP has it.
func parseContentRange(s string) (span, error) {
	form := strings.TrimPrefix(s, "bytes ")
	form, total, hasTotal := strings.Cut(form, "/")
	first, last, ok := strings.Cut(form, "-")
	sp := span{first: number(first), last: number(last)}
	if !ok || sp.first < 0 || sp.last < sp.first || hasTotal && total != "*" && number(total) <= sp.last {
		return span{}, fmt.Errorf("%w: Content-Range %.60q; want FIRST-LAST", errUploadInvalid, s)
	}
	return sp, nil
}

// number returns s as a number that has a successor, or -1.
func number(s string) int64 {
	if s == "" || len(s) > 19 {
		return -1
	}
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return -1
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// maxRanges is the most ranges that one request may ask for.
const maxRanges = 32

// satisfiable reports whether a Range header about bytes can be answered for
// content of a size: not if its form is wrong, if no byte that it asks for is
// there, or if it has too many ranges.
func satisfiable(header string, size int64) bool {
	set, ok := strings.CutPrefix(header, "bytes=")
	if !ok || strings.Count(set, ",") >= maxRanges {
		return false
	}
	some := false
	for part := range strings.SplitSeq(set, ",") {
		part = strings.Trim(part, " \t")
		if part == "" {
			continue
		}
		first, last, ok := strings.Cut(part, "-")
		first, last = strings.Trim(first, " \t"), strings.Trim(last, " \t")
		from, to := number(first), number(last)
		switch {
		case !ok, first != "" && from < 0, last != "" && to < 0, first == "" && last == "":
			return false
		case first == "":
			some = some || to > 0 && size > 0
		case last != "" && to < from:
			return false
		default:
			some = some || from < size
		}
	}
	return some
}
