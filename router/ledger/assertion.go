package ledger

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnknown is the kind of error of a Check that cannot know: records that it
// needs have left the ledger.
var ErrUnknown = errors.New("cannot know")

// An Assertion is what should be true of the replies since a deployment began.
type Assertion struct {
	Since   time.Time // the deployment's start; records leased before it do not count
	Evicted time.Time // Page.Evicted of the query that gave the records
	Old     int       // the revision that was replaced, or 0
	New     int       // the revision that replaced it

	No5xx      bool           // no status from 500
	NoneLost   bool           // see Record.Lost
	BothSeen   bool           // Old and New have both replied
	MaxOverlap *time.Duration // from the first lease of New to the last lease of Old
}

// A Violation is one part of an assertion that is not true.
type Violation struct {
	Rule    string // no-5xx, none-lost, both-seen or max-overlap
	Reason  string // a sentence
	Records []Record
}

// Check returns what of a is not true of the records, nothing if all of it is. It
// fails with ErrUnknown if records since the deployment have left the ledger:
// what is not there proves nothing. A request that is still being served has no
// record yet.
func Check(records []Record, a Assertion) ([]Violation, error) {
	if !a.Evicted.IsZero() && !a.Evicted.Before(a.Since) {
		return nil, fmt.Errorf("%w: a reply that ended at %s has left the ledger, and the deployment began at %s; use a bigger --ledger-size or less load",
			ErrUnknown, stamp(a.Evicted), stamp(a.Since))
	}
	var since []Record
	for _, r := range records {
		if !r.Time.Before(a.Since) {
			since = append(since, r)
		}
	}
	var broken []Violation
	for _, rule := range []struct {
		asked bool
		check func([]Record, Assertion) (Violation, bool)
	}{
		{a.No5xx, no5xx}, {a.NoneLost, noneLost}, {a.BothSeen, bothSeen}, {a.MaxOverlap != nil, maxOverlap},
	} {
		if !rule.asked {
			continue
		}
		if v, ok := rule.check(since, a); !ok {
			broken = append(broken, v)
		}
	}
	return broken, nil
}

func no5xx(records []Record, _ Assertion) (Violation, bool) {
	bad := only(records, func(r *Record) bool { return r.Status >= 500 })
	return Violation{"no-5xx", fmt.Sprintf("%s of %d had a status from 500.", plural(len(bad), "reply", "replies"), len(records)), bad}, len(bad) == 0
}

func noneLost(records []Record, _ Assertion) (Violation, bool) {
	bad := only(records, (*Record).Lost)
	return Violation{"none-lost", fmt.Sprintf("%s of %d got no complete reply.", plural(len(bad), "request", "requests"), len(records)), bad}, len(bad) == 0
}

func bothSeen(records []Record, a Assertion) (Violation, bool) {
	v := Violation{Rule: "both-seen"}
	if a.Old == 0 {
		v.Reason = fmt.Sprintf("No revision was there before r%d.", a.New)
		return v, false
	}
	for _, n := range []int{a.Old, a.New} {
		if len(only(records, func(r *Record) bool { return r.Revision == n })) == 0 {
			v.Reason = fmt.Sprintf("r%d has not replied since the deployment began.", n)
			return v, false
		}
	}
	return v, true
}

func maxOverlap(records []Record, a Assertion) (Violation, bool) {
	overlap, first, last := Overlap(records, a.Old, a.New)
	v := Violation{Rule: "max-overlap"}
	if overlap <= *a.MaxOverlap {
		return v, true
	}
	v.Reason = fmt.Sprintf("r%d and r%d overlapped for %s, more than %s: from the first lease of r%d to the last of r%d.",
		a.Old, a.New, overlap.Round(time.Millisecond), *a.MaxOverlap, a.New, a.Old)
	v.Records = []Record{first, last}
	return v, false
}

// Overlap returns how long both revisions were given requests: from the first
// lease of newer to the last lease of older, and these two records. It is 0 if
// they did not overlap.
func Overlap(records []Record, older, newer int) (d time.Duration, first, last Record) {
	for _, r := range records {
		if r.Revision == newer && newer != 0 && (first.Revision == 0 || r.Time.Before(first.Time)) {
			first = r
		}
		if r.Revision == older && older != 0 && (last.Revision == 0 || r.Time.After(last.Time)) {
			last = r
		}
	}
	if first.Revision == 0 || last.Revision == 0 {
		return 0, first, last
	}
	return max(0, last.Time.Sub(first.Time)), first, last
}

func only(records []Record, want func(*Record) bool) []Record {
	var found []Record
	for i := range records {
		if want(&records[i]) {
			found = append(found, records[i])
		}
	}
	return found
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func stamp(t time.Time) string { return t.UTC().Format("15:04:05.000") }
