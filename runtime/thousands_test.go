package runtime

import (
	"io"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
)

// TestThousandsWait has guests that all wait for their requests' bodies at once.
// They cost no processor: another app answers beside them, and when the bodies
// come all of them answer too.
func TestThousandsWait(t *testing.T) {
	checkGoroutines(t)
	n := 300
	if full() {
		n = 10_000
	}
	h := newHost(t, Limits{Memory: akamai.Memory})
	well, many := newApp(t, h, componentSpec(components.CHTTP)), newApp(t, h, componentSpec(components.CHTTP))
	if got := ask(well, "GET /"); !strings.HasSuffix(got, "\nHello from C1") {
		t.Fatalf("before: %q", got)
	}
	before := resources(t, h)
	goOn := make(chan struct{})
	var waiting, answered sync.WaitGroup
	waiting.Add(n)
	arriving := make(chan struct{}, 200) // more would be refused: so many may wait for an instance
	for range n {
		answered.Go(func() {
			arriving <- struct{}{}
			asked := sync.OnceFunc(func() { <-arriving; waiting.Done() })
			defer asked() // if it was refused
			r := httptest.NewRequest(http.MethodPost, "http://h/e", &lateBody{asked: asked, goOn: goOn})
			r.ContentLength = int64(len(lateText))
			w := httptest.NewRecorder()
			if many.ServeHTTP(w, r); w.Code != 200 || w.Body.String() != lateText {
				t.Errorf("%d %.100q", w.Code, w.Body)
			}
		})
	}
	waiting.Wait()
	if during := resources(t, h); before.mappings > 0 && during.mappings < n {
		t.Errorf("%d mappings while %d wait", during.mappings, n)
	}
	beside(t, well, func(more func() bool) {
		for more() {
			goruntime.Gosched()
		}
		close(goOn)
		answered.Wait()
	})
	closeApp(t, many)
	awaitResources(t, h, before)
}

const lateText = "after all"

// A lateBody comes when it may.
type lateBody struct {
	asked func()
	goOn  chan struct{}
	rest  io.Reader
}

func (b *lateBody) Read(p []byte) (int, error) {
	if b.rest == nil {
		b.asked()
		<-b.goOn
		b.rest = strings.NewReader(lateText)
	}
	return b.rest.Read(p)
}
