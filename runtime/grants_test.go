package runtime

import (
	"fmt"
	"slices"
	"testing"
)

// A line of ours is not put into one that the guest has not ended yet.
func TestLogTo(t *testing.T) {
	var got []string
	w := &lineWriter{emit: func(line string) { got = append(got, line) }}
	var v valve
	log := logTo(&v)
	log("early")
	v.open(w)
	fmt.Fprint(w, "half of ")
	log("a denial")
	fmt.Fprint(w, "a line\n")
	if want := []string{"early", "a denial", "half of a line"}; !slices.Equal(got, want) {
		t.Errorf("the log has %q, want %q", got, want)
	}
}
