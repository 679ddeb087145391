package keyvalue

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/store"
	pairs "github.com/neutrino-local/neutrino-local/store/keyvalue"
)

// A long list waits until few others are made, and no longer than its guest
// lives; a short one does not wait.
func TestLongListsWait(t *testing.T) {
	stores, err := pairs.Open(pairs.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stores.Close(); err != nil {
			t.Error(err)
		}
	})
	app := stores.App(store.NewAppID())
	many := make([]pairs.Pair, longList+1)
	for i := range many {
		many[i].Key = fmt.Sprint(i)
	}
	for label, set := range map[string][]pairs.Pair{"long": many, "short": many[:longList/100]} {
		if err := app.SetMany(t.Context(), label, set); err != nil {
			t.Fatal(err)
		}
	}
	h := Link(component.NewLinker(), true)
	for range longLists {
		h.lists <- struct{}{}
	}
	s := &State{App: app, Labels: []string{"long", "short"}}
	long, err := h.bucket(s, "long")
	if err != nil {
		t.Fatal(err)
	}
	short, err := h.bucket(s, "short")
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := short.keys(t.Context()); err != nil || len(keys) != longList/100 {
		t.Errorf("a short list: %d keys, %v", len(keys), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := long.keys(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a long list while others are made: %v", err)
	}
	<-h.lists
	if keys, err := long.keys(t.Context()); err != nil || len(keys) != longList+1 {
		t.Errorf("a long list: %d keys, %v", len(keys), err)
	}
	if len(h.lists) != longLists-1 {
		t.Errorf("%d lists are being made, want %d", len(h.lists), longLists-1)
	}
}
