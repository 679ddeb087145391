package artifact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CheckValues checks values of an app's variables: each is of a variable that
// the lock declares, and all that are required are there.
func (l Lock) CheckValues(values map[string]string) error {
	if err := l.CheckNames(values); err != nil {
		return err
	}
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(l.Variables)) {
		if _, ok := values[name]; !ok && l.Variables[name].Default == nil {
			missing = append(missing, fmt.Sprintf("Key(%q)", name))
		}
	}
	if missing != nil {
		return fmt.Errorf("no provider resolved required variable(s): [%s]", strings.Join(missing, ", "))
	}
	return nil
}

// CheckNames checks that each value is of a variable that the lock declares.
func (l Lock) CheckNames(values map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, ok := l.Variables[name]; !ok {
			return fmt.Errorf("the app has no variable %.100q%s", name, l.declared())
		}
	}
	return nil
}

func (l Lock) declared() string {
	if len(l.Variables) == 0 {
		return ": it declares none"
	}
	return ": it declares " + strings.Join(slices.Sorted(maps.Keys(l.Variables)), ", ")
}
