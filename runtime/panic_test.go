package runtime

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/memory"
)

// TestCompilePanics has what reads and what compiles a module panic: those who
// wait for it get an error.
func TestCompilePanics(t *testing.T) {
	c := &code{compile: func(context.Context, artifact.Digest, []byte, func(component.Progress)) (*compiled, error) {
		panic("compile")
	}}
	for want, load := range map[string]func(context.Context) ([]byte, error){
		"compile": noWasm,
		"load":    func(context.Context) ([]byte, error) { panic("load") },
	} {
		if _, _, err := c.acquire(t.Context(), "d", load, unseen); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("acquire = %v, want the panic of %s", err, want)
		}
	}
	c.wait()
	if n := c.size(); n != 0 {
		t.Errorf("%d entries are left", n)
	}
}

// sick is an executor with a fault of ours.
type sick struct{ executor }

func (sick) serve(context.Context, http.ResponseWriter, *request) error { panic("a fault of ours") }

// TestServePanics has more requests panic than may run at once.
func TestServePanics(t *testing.T) {
	limits := akamai
	limits.Instances = 1
	v := serve(t, newHost(t, limits), componentSpec(components.CHTTP))
	for _, trigger := range v.app.triggers {
		trigger.executor = sick{trigger.executor}
	}
	for range 2 {
		if a := v.get("/"); a.StatusCode != 500 || a.body != "" || v.outcome() != ledger.Trap {
			t.Errorf("%d %q", a.StatusCode, a.body)
		}
	}
	if lines := v.stream(streamHost); len(lines) == 0 || !strings.Contains(lines[0], "a fault of ours") {
		t.Errorf("log %q", lines)
	}
}

// TestLendPanics has a host panic while an instance is made for a request: its
// seat is given back.
func TestLendPanics(t *testing.T) {
	h := newHostBy(t, memory.Fresh, akamai)
	a := newApp(t, h, componentSpec(components.CHTTP))
	for _, trigger := range a.triggers {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is gone")
				}
			}()
			supply := trigger.executor.(*wasiExecutor).supply
			_, _ = supply.lend(t.Context(), io.Discard, io.Discard, component.InstanceConfig{
				Init: func(*component.Instance) error { panic("a host") },
			})
		}()
	}
	if n := a.Stats().Pool.InUse; n != 0 {
		t.Errorf("%d instances are in use", n)
	}
	closeApp(t, a) // which waits for all seats
	if st := h.space.Stats(); st.InUse != 0 {
		t.Errorf("%d instances have memories", st.InUse)
	}
}
