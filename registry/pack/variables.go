package pack

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

const (
	maxVariableFile = 1 << 20
	maxVariables    = 1000
)

// Variables returns the values that the arguments of --variable give, checked
// against the lock: each is one that the app declares, and none that it requires
// is missing. Errors are of kind store.ErrInvalid and show no values.
func Variables(arguments []string, l artifact.Lock) (map[string]string, error) {
	values, err := ParseVariables(arguments)
	if err != nil {
		return nil, err
	}
	if err := l.CheckValues(values); err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return values, nil
}

// ParseVariables returns the values that arguments of the forms name=value,
// name=@file, @file.json and @file.toml give. The last one of a name counts.
func ParseVariables(arguments []string) (map[string]string, error) {
	values := make(map[string]string)
	for _, argument := range arguments {
		if err := parseVariable(values, argument); err != nil {
			return nil, fmt.Errorf("--variable is %w: %w", store.ErrInvalid, err)
		}
		if len(values) > maxVariables {
			return nil, fmt.Errorf("--variable is %w: more than %d variables", store.ErrInvalid, maxVariables)
		}
	}
	return values, nil
}

func parseVariable(values map[string]string, argument string) error {
	if file, ok := strings.CutPrefix(argument, "@"); ok {
		more, err := readVariables(file)
		if err != nil {
			return err
		}
		maps.Copy(values, more)
		return nil
	}
	name, value, ok := strings.Cut(argument, "=")
	if !ok {
		return fmt.Errorf("%.100q has no value: write name=value, name=@file, @file.json or @file.toml", argument)
	}
	if err := artifact.CheckVariableName(name); err != nil {
		return err
	}
	if file, ok := strings.CutPrefix(value, "@"); ok {
		b, err := readBounded(file)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		value = string(b)
	}
	values[name] = value
	return nil
}

// readVariables reads a file of names and values.
func readVariables(file string) (map[string]string, error) {
	decode := map[string]func(string, []byte) (map[string]any, error){".json": decodeJSON, ".toml": decodeTOML}[strings.ToLower(filepath.Ext(file))]
	if decode == nil {
		return nil, fmt.Errorf("%s is neither a .json nor a .toml file", file)
	}
	b, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	raw, err := decode(file, b)
	if err != nil {
		return nil, err
	}
	if len(raw) > maxVariables {
		return nil, fmt.Errorf("%s: more than %d variables", file, maxVariables)
	}
	values := make(map[string]string, len(raw))
	for name, v := range raw {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s: the value of %.100q is not a string", file, name)
		}
		if err := artifact.CheckVariableName(name); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		values[name] = s
	}
	return values, nil
}

func decodeJSON(file string, b []byte) (map[string]any, error) {
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return raw, nil
}

// decodeTOML reads a file as a manifest is read: within bounds, and with the place
// of what is wrong.
func decodeTOML(file string, b []byte) (map[string]any, error) {
	r := &report{file: file, data: b}
	tree := parseTOML(r)
	if err := r.err(); err != nil {
		return nil, err
	}
	raw := make(map[string]any, len(tree.fields))
	for _, f := range tree.fields {
		raw[f.key] = f.value
		if f.value.kind == stringKind {
			raw[f.key] = f.value.text
		}
	}
	return raw, nil
}

func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxVariableFile+1))
	if err == nil && len(b) > maxVariableFile {
		err = fmt.Errorf("%s is longer than %d bytes", file, maxVariableFile)
	}
	return b, err
}
