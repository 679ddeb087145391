package api

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

var update = flag.Bool("update", false, "rewrite the schemas of openapi.json")

// A spec is openapi.json as the tests use it.
type spec struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]any }
}

type operation struct {
	OperationID string
	Parameters  []struct{ Name, In string }
	Responses   map[string]struct {
		Content map[string]struct{ Schema any }
	}
}

func readSpec(t *testing.T) *spec {
	t.Helper()
	s := new(spec)
	if err := json.Unmarshal(description, s); err != nil {
		t.Fatal(err)
	}
	return s
}

// routes checks that the description has the routes of e, and no others.
func (s *spec) routes(t *testing.T, e *echo.Echo) {
	t.Helper()
	parameter := regexp.MustCompile(`:(\w+)`)
	var here, described []string
	for _, r := range e.Routes() {
		if r.Method != echo.RouteNotFound {
			here = append(here, r.Method+" "+parameter.ReplaceAllString(strings.TrimPrefix(r.Path, "/api/v1"), "{$1}"))
		}
	}
	for path, operations := range s.Paths {
		for method, op := range operations {
			described = append(described, strings.ToUpper(method)+" "+path)
			for _, m := range regexp.MustCompile(`{(\w+)}`).FindAllStringSubmatch(path, -1) {
				if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.Name == m[1] && p.In == "path" }) {
					t.Errorf("%s %s does not describe {%s}", method, path, m[1])
				}
			}
		}
	}
	slices.Sort(here)
	slices.Sort(described)
	if diff := cmp.Diff(here, described); diff != "" {
		t.Errorf("openapi.json has other routes than the server: %s", diff)
	}
}

// check checks a reply against its description.
func (s *spec) check(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/api/v1")
	var schema any = map[string]any{"$ref": "#/components/schemas/Error"}
	if resp.StatusCode < 400 {
		op, ok := s.operation(req.Method, path)
		if !ok {
			t.Errorf("%s %s is not described", req.Method, path)
			return
		}
		answer, ok := op.Responses[strconv.Itoa(resp.StatusCode)]
		if !ok {
			t.Errorf("%s %s: status %d is not described", req.Method, path, resp.StatusCode)
		}
		if media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";"); media != "application/json" {
			if _, ok := answer.Content[media]; ok {
				return // no JSON
			}
		}
		schema = answer.Content["application/json"].Schema
	}
	if schema == nil {
		if len(body) > 0 {
			t.Errorf("%s %s: a body that is not described: %s", req.Method, path, body)
		}
		return
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%s %s: %v in %s", req.Method, path, err, body)
		return
	}
	for _, fault := range s.faults("reply", schema.(map[string]any), v) {
		t.Errorf("%s %s: %s", req.Method, path, fault)
	}
}

// operation returns what is described for a path: under its own name, which comes
// first in OpenAPI, or by a pattern.
func (s *spec) operation(method, path string) (operation, bool) {
	if op, ok := s.Paths[path][strings.ToLower(method)]; ok {
		return op, true
	}
	for pattern, operations := range s.Paths {
		form := "^" + regexp.MustCompile(`\\{\w+\\}`).ReplaceAllString(regexp.QuoteMeta(pattern), `[^/]+`) + "$"
		if op, ok := operations[strings.ToLower(method)]; ok && regexp.MustCompile(form).MatchString(path) {
			return op, true
		}
	}
	return operation{}, false
}

// faults says where v is not as schema has it: types, properties that are
// missing or unknown.
func (s *spec) faults(at string, schema map[string]any, v any) []string {
	if ref, ok := schema["$ref"].(string); ok {
		schema = s.Components.Schemas[filepath.Base(ref)].(map[string]any)
	}
	var faults []string
	kind := map[reflect.Kind]string{reflect.Map: "object", reflect.Slice: "array", reflect.String: "string", reflect.Float64: "number", reflect.Bool: "boolean"}[reflect.ValueOf(v).Kind()]
	if want := schema["type"]; want != kind && !(want == "integer" && kind == "number") {
		return []string{fmt.Sprintf("%s is %q, want %v", at, kind, want)}
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			faults = append(faults, s.faults(fmt.Sprintf("%s[%d]", at, i), schema["items"].(map[string]any), item)...)
		}
	case map[string]any:
		properties, ok := schema["properties"].(map[string]any)
		if !ok {
			break
		}
		for name, value := range v {
			if p, ok := properties[name].(map[string]any); ok {
				faults = append(faults, s.faults(at+"."+name, p, value)...)
			} else {
				faults = append(faults, fmt.Sprintf("%s.%s is not described", at, name))
			}
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				faults = append(faults, fmt.Sprintf("%s.%s is missing", at, name))
			}
		}
	}
	return faults
}

// TestSchemas holds the schemas of openapi.json against the types.
func TestSchemas(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	components := doc["components"].(map[string]any)
	text, err := json.Marshal(schemas(t))
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, components["schemas"]); diff == "" {
		return
	} else if !*update {
		t.Fatalf("the schemas of openapi.json are not those of the types; run the test with -update: %s", diff)
	}
	components["schemas"] = want
	if text, err = json.MarshalIndent(doc, "", "  "); err == nil {
		err = os.WriteFile("openapi.json", append(text, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// schemas returns the JSON schemas of the API's types. What the types say in
// comments is their description.
func schemas(t *testing.T) map[string]any {
	t.Helper()
	comments := readComments(t)
	all := map[string]any{}
	var add func(reflect.Type) map[string]any
	add = func(typ reflect.Type) map[string]any {
		switch {
		case typ == reflect.TypeFor[time.Time]():
			return map[string]any{"type": "string", "format": "date-time"}
		case typ.Kind() == reflect.Pointer:
			return add(typ.Elem())
		case typ.Kind() == reflect.Slice:
			return map[string]any{"type": "array", "items": add(typ.Elem())}
		case typ.Kind() == reflect.Map:
			return map[string]any{"type": "object", "additionalProperties": add(typ.Elem())}
		case typ.Kind() != reflect.Struct:
			kind, ok := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean"}[typ.Kind()]
			if !ok {
				kind = "integer"
			}
			return map[string]any{"type": kind}
		}
		ref := map[string]any{"$ref": "#/components/schemas/" + typ.Name()}
		if all[typ.Name()] != nil {
			return ref
		}
		properties, required := map[string]any{}, []string{}
		schema := map[string]any{"type": "object", "properties": properties, "description": comments[typ.Name()]}
		all[typ.Name()] = schema
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			p := add(field.Type)
			if c := comments[typ.Name()+"."+field.Name]; c != "" {
				p["description"] = c
			}
			properties[name] = p
			if options == "" {
				required = append(required, name)
			}
		}
		if len(required) > 0 {
			schema["required"] = required
		}
		return ref
	}
	for _, v := range []any{
		apitype.Error{}, apitype.Server{}, apitype.App{}, apitype.Revision{}, apitype.CreateApp{}, apitype.Instances{}, apitype.Listener{}, apitype.LogLine{},
		apitype.CreateDeployment{}, apitype.ChangeVariables{}, apitype.DeploymentPage{}, apitype.Failover{}, apitype.Hold{},
		apitype.Ledger{}, apitype.RecordDetail{}, apitype.Count{}, apitype.Assertion{}, apitype.Verdict{},
		apitype.RegistryUsage{}, apitype.RegistryFreed{},
		apitype.KeyValue{}, apitype.KeyValuePage{}, apitype.KeyValuePair{}, apitype.KeyValueImported{},
	} {
		add(reflect.TypeOf(v))
	}
	return all
}

// readComments returns what package apitype says of types, "T", and of their
// fields, "T.F".
func readComments(t *testing.T) map[string]string {
	t.Helper()
	comments := map[string]string{}
	files, err := filepath.Glob("../apitype/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of apitype: %v", err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				return true
			}
			spec := d.Specs[0].(*ast.TypeSpec)
			comments[spec.Name.Name] = strings.Join(strings.Fields(d.Doc.Text()), " ")
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.TrimSpace(field.Comment.Text())
				}
			}
			return false
		})
	}
	return comments
}
