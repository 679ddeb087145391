package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/neutrino-local/neutrino-local/store"
	"github.com/neutrino-local/neutrino-local/store/applog"
	"github.com/neutrino-local/neutrino-local/web/apitype"
)

func TestApp(t *testing.T) {
	f := newFixture(t)
	for _, ref := range []string{"hello", helloID, strings.ToUpper(helloID)} {
		var got apitype.App
		f.get(t, "/apps/"+ref, &got)
		if got.Deployment == nil || got.Deployment.ID != "d2" {
			t.Errorf("App(%s) has the deployment %+v, want d2", ref, got.Deployment)
		}
		want := []apitype.Route{
			{Component: "front", Pattern: "/...", URL: "http://hello.localhost:7733/", Wildcard: true, Description: "the front"},
			{Component: "front", Pattern: "/about", URL: "http://hello.localhost:7733/about", Description: "the front"},
		}
		if diff := cmp.Diff(want, got.Routes); diff != "" {
			t.Error(diff)
		}
	}
	var all []apitype.App
	if f.get(t, "/apps", &all); len(all) != 1 || all[0].Digest != digest || all[0].Health != "healthy" {
		t.Errorf("Apps = %+v", all)
	}
}

func TestRegistry(t *testing.T) {
	f := newFixture(t)
	var used apitype.RegistryUsage
	f.get(t, "/registry/usage", &used)
	if want := (apitype.RegistryUsage{Blobs: 3, Bytes: 300, LimitBytes: 1000, Uploads: 1, UploadBytes: 20}); used != want {
		t.Errorf("usage = %+v, want %+v", used, want)
	}
	status, text := f.do(t, "POST", "/registry/gc", "")
	var freed apitype.RegistryFreed
	if err := json.Unmarshal([]byte(text), &freed); err != nil || status != http.StatusOK {
		t.Fatalf("gc = %d %s (%v)", status, text, err)
	}
	if want := (apitype.RegistryFreed{Blobs: 2, Bytes: 200}); freed != want {
		t.Errorf("gc = %+v, want %+v", freed, want)
	}
}

func TestSecretsStayHere(t *testing.T) {
	f := newFixture(t)
	status, text := f.do(t, "GET", "/apps/hello/revisions", "")
	for _, secret := range []string{"hunter2", "hunter3", "s3cret"} {
		if strings.Contains(text, secret) {
			t.Errorf("the reply has %q: %s", secret, text)
		}
	}
	var got []apitype.Revision
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	want := []apitype.Variable{
		{Name: "color", Set: true, Value: new("red")},
		{Name: "key", Secret: true},
		{Name: "password", Secret: true, Set: true},
		{Name: "stray", Secret: true, Set: true},
	}
	if diff := cmp.Diff(want, got[0].Variables); diff != "" {
		t.Error(diff)
	}
	if got[0].Serving != "current" || got[0].InFlight != 3 || got[1].Serving != "none" {
		t.Errorf("serving: %+v", got)
	}
	if _, text := f.do(t, "GET", "/server", ""); strings.Contains(text, "sesame") {
		t.Errorf("the reply has the token: %s", text)
	}
}

func TestErrorTable(t *testing.T) {
	good := fmt.Sprintf(`{"repository":"local/hello","digest":%q}`, digest)
	tests := []struct {
		name         string
		err          error // of the cloud
		method, path string
		body         string
		status       int
		code         string
	}{
		{"no app", nil, "GET", "/apps/nope", "", 404, "not_found"},
		{"a name that no app can have", nil, "GET", "/apps/..%2F..%2Fetc", "", 404, "not_found"},
		{"no path", nil, "GET", "/nope", "", 404, "not_found"},
		{"no method", nil, "PATCH", "/apps", "", 405, "invalid"},
		{"no deployment", nil, "GET", "/deployments/nope", "", 404, "not_found"},
		{"no deployment to follow", nil, "GET", "/deployments/nope/events", "", 404, "not_found"},
		{"taken name", nil, "POST", "/apps", `{"name":"hello"}`, 409, "conflict"},
		{"bad name", nil, "POST", "/apps", `{"name":"Shop"}`, 422, "invalid"},
		{"other account", nil, "POST", "/apps", `{"name":"shop","account":"acme"}`, 422, "invalid"},
		{"no body", nil, "POST", "/apps", ``, 415, "invalid"},
		{"half a body", nil, "POST", "/apps", `{"name":`, 400, "invalid"},
		{"two bodies", nil, "POST", "/apps", `{"name":"shop"}{}`, 400, "invalid"},
		{"unknown field", nil, "POST", "/apps", `{"nmae":"shop"}`, 400, "invalid"},
		{"long body", nil, "POST", "/apps", `{"name":"` + strings.Repeat("x", maxBody) + `"}`, 413, "limit"},
		{"unknown parameter", nil, "GET", "/ledger?stauts=5", "", 422, "invalid"},
		{"bad number", nil, "GET", "/ledger?limit=1000000", "", 422, "invalid"},
		{"bad time", nil, "GET", "/apps?since=yesterday", "", 422, "invalid"},
		{"bad cursor", nil, "GET", "/apps/hello/deployments?cursor=x", "", 422, "invalid"},
		{"no digest", nil, "POST", "/apps/hello/deployments", `{"repository":"local/hello"}`, 422, "invalid"},
		{"rollback with artifact", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"digest":"x"}`, 422, "invalid"},
		{"negative window", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"window_ms":-1}`, 422, "invalid"},
		{"window that overflows", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"window_ms":9223372036854775807}`, 422, "invalid"},
		{"health path", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"health_path":"/a b"}`, 422, "invalid"},
		{"policy", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"policy":"bluegreen"}`, 422, "invalid"},
		{"event", nil, "POST", "/apps/hello/deployments", `{"rollback":true,"events":[{"phase":"live","at":"2026-01-01T00:00:00Z"}]}`, 422, "invalid"},
		{"over the limit", fmt.Errorf("app: %w", store.ErrLimit), "POST", "/apps/hello/deployments", good, 413, "limit"},
		{"under way", store.ErrConflict, "POST", "/apps/hello/deployments", good, 409, "conflict"},
		{"hold", nil, "PUT", "/apps/hello/failover/hold", `{"at":"100"}`, 422, "invalid"},
		{"nothing is held", store.ErrConflict, "POST", "/apps/hello/failover/step", "", 409, "conflict"},
		{"a listener that is not there", nil, "DELETE", "/apps/hello/listeners/127.0.0.1:80", "", 404, "not_found"},
		{"usage of what", nil, "GET", "/registry/usage?repository=x", "", 422, "invalid"},
		{"a disk that fails", errors.New("disk: sector 7"), "POST", "/registry/gc", "", 500, "internal"},
		{"our fault", errors.New("disk: sector 7"), "POST", "/apps/hello/failover/release", "", 500, "internal"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			f.cloud.err = test.err
			status, text := f.do(t, test.method, test.path, test.body)
			var got apitype.Error
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(text, err)
			}
			if status != test.status || got.Code != test.code || got.Message == "" {
				t.Errorf("%s %s = %d %s, want %d %s", test.method, test.path, status, text, test.status, test.code)
			}
			if told := strings.Contains(text, "sector 7"); told {
				t.Errorf("the client is told of our insides: %s", text)
			}
			if logged := strings.Contains(f.log.String(), "sector 7"); logged != (status == 500) {
				t.Errorf("status %d, logged: %q", status, f.log.String())
			}
		})
	}
}

func TestDeploy(t *testing.T) {
	f := newFixture(t)
	body := fmt.Sprintf(`{"repository":"local/hello","digest":%q,"variables":{"color":"green"},"policy":"drain","window_ms":0,
		"seed":7,"health_path":"/up","readiness_timeout_ms":1500,"listen":"127.0.0.1:9000","queue":true,
		"events":[{"phase":"packaging","at":"2026-01-01T00:00:00Z"}]}`, digest)
	status, text := f.do(t, "POST", "/apps/hello/deployments", body)
	if status != http.StatusCreated {
		t.Fatal(status, text)
	}
	want := store.Request{
		App: helloID, Repository: "local/hello", Digest: "sha256:", Variables: map[string]string{"color": "green"}, Queue: true,
		Policy: store.Drain, Window: new(time.Duration(0)), Seed: new(uint64(7)), HealthPath: "/up", Readiness: 1500 * time.Millisecond,
		Events: []store.PhaseEvent{{Phase: store.Packaging, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}},
	}
	got := f.cloud.asked[0]
	got.Digest = got.Digest[:7]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var d apitype.Deployment
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"r2 set password, stray: the new revision has the manifest's defaults instead"}, d.Warnings); diff != "" {
		t.Error(diff)
	}
	app, _ := f.cloud.App(t.Context(), helloID)
	if diff := cmp.Diff([]string{"bound:127.0.0.1:9000"}, app.Listeners); diff != "" {
		t.Error("listeners:", diff)
	}
}

func TestARefusedDeploymentLeavesNoListener(t *testing.T) {
	f := newFixture(t)
	f.cloud.failover.Held = true
	f.Server.Listen = func(_ context.Context, _ store.AppID, a string) (string, error) { return a, nil }
	f.cloud.err = store.ErrConflict
	status, text := f.do(t, "POST", "/apps/hello/deployments", `{"rollback":true,"listen":"127.0.0.1:9000"}`)
	if status != http.StatusConflict || !strings.Contains(text, `"held"`) || !strings.Contains(text, "failover release hello") {
		t.Errorf("Deploy = %d %s, want held with a hint", status, text)
	}
	app, _ := f.cloud.App(t.Context(), helloID)
	if len(app.Listeners) > 0 {
		t.Errorf("listeners = %v, want none", app.Listeners)
	}
}

func TestLifeOfAnApp(t *testing.T) {
	f := newFixture(t)
	f.cloud.revisions = nil
	var app apitype.App
	status, text := f.do(t, "POST", "/apps", `{"name":"shop"}`)
	if err := json.Unmarshal([]byte(text), &app); err != nil || status != http.StatusCreated || !store.IsAppID(app.ID) {
		t.Fatal(status, text)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/apps/shop/listeners", `{"address":"127.0.0.1:0"}`, 201},
		{"DELETE", "/apps/shop/listeners/bound:127.0.0.1:0", "", 204},
		{"PUT", "/apps/shop/failover/hold", `{"at":"start"}`, 200},
		{"POST", "/apps/shop/failover/step", "", 200},
		{"POST", "/apps/shop/failover/release", "", 200},
		{"DELETE", "/apps/shop", "", 204},
		{"DELETE", "/apps/shop", "", 404},
		{"POST", "/server/stop", "", 202},
	} {
		if status, text := f.do(t, step.method, step.path, step.body); status != step.status {
			t.Errorf("%s %s = %d %s, want %d", step.method, step.path, status, text, step.status)
		}
	}
	if diff := cmp.Diff([]store.AppName{"shop"}, f.cloud.admitted); diff != "" {
		t.Error("admitted:", diff)
	}
	if !f.cloud.stopped {
		t.Error("the server is not asked to stop")
	}
	want := []string{"127.0.0.1:0", "-bound:127.0.0.1:0"}
	if diff := cmp.Diff(want, f.cloud.listening); diff != "" {
		t.Error(diff)
	}
}

func TestDeploymentsPage(t *testing.T) {
	f := newFixture(t)
	var ids []string
	for path := "/apps/hello/deployments?limit=1"; ; {
		var page apitype.DeploymentPage
		f.get(t, path, &page)
		for _, d := range page.Deployments {
			ids = append(ids, d.ID)
		}
		if page.Next == "" {
			break
		}
		path = "/apps/hello/deployments?limit=1&cursor=" + page.Next
	}
	if diff := cmp.Diff([]string{"d2", "d1"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestLogs(t *testing.T) {
	f := newFixture(t)
	for i := range 6 {
		f.logs.Append(applog.Line{App: helloID, Revision: 2, Component: "front", Stream: []string{"stdout", "stderr"}[i%2], Message: fmt.Sprint("line ", i)})
	}
	for query, want := range map[string][]string{
		"?max=2":                   {"line 4", "line 5"},
		"?max=2&stream=stdout":     {"line 2", "line 4"},
		"?contains=3":              {"line 3"},
		"?after=4":                 {"line 4", "line 5"},
		"?component=back":          nil,
		"?revision=2&stream=other": nil,
	} {
		var lines []apitype.LogLine
		f.get(t, "/apps/hello/logs"+query, &lines)
		var got []string
		for _, l := range lines {
			got = append(got, l.Message)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}
