package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestVariables(t *testing.T) {
	f := newFixture(t)
	status, text := f.do(t, "GET", "/apps/hello/variables", "")
	var got []apitype.Variable
	if err := json.Unmarshal([]byte(text), &got); status != http.StatusOK || err != nil {
		t.Fatal(status, text, err)
	}
	red := "red"
	want := []apitype.Variable{
		{Name: "color", Set: true, Value: &red}, {Name: "key", Secret: true},
		{Name: "password", Secret: true, Set: true}, {Name: "stray", Secret: true, Set: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, secret := range []string{"hunter2", "hunter3", "s3cret"} {
		if strings.Contains(text, secret) {
			t.Errorf("the reply has %s", secret)
		}
	}
}

// A change is a deployment of the same artifact with all other values.
func TestChangeVariables(t *testing.T) {
	f := newFixture(t)
	status, text := f.do(t, "POST", "/apps/hello/variables", `{"set":{"color":"green","key":"k"},"unset":["stray"],"queue":true}`)
	if status != http.StatusCreated {
		t.Fatal(status, text)
	}
	want := store.Request{
		App: helloID, Repository: "local/hello", Digest: digest, Queue: true,
		Variables: map[string]string{"color": "green", "key": "k", "password": "hunter2"}, Readiness: 0,
	}
	if diff := cmp.Diff(want, f.cloud.asked[0]); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(text, "hunter") {
		t.Errorf("the reply has values: %s", text)
	}
	for body, want := range map[string]int{
		`{}`:                                http.StatusUnprocessableEntity,
		`{"unset":["nosuch"]}`:              http.StatusNotFound,
		`{"unset":["color","color"]}`:       http.StatusNotFound,
		`{"sets":{}}`:                       http.StatusBadRequest,
		`{"set":{` + manyVariables() + `}}`: http.StatusUnprocessableEntity,
	} {
		if status, text := f.do(t, "POST", "/apps/hello/variables", body); status != want {
			t.Errorf("%.60s: %d %s, want %d", body, status, text, want)
		}
	}
}

func manyVariables() string {
	var all []string
	for i := range maxVariables {
		all = append(all, fmt.Sprintf("%q:\"\"", fmt.Sprint("v", i)))
	}
	return strings.Join(all, ",")
}
