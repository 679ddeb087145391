package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/web/apitype"
)

// keysInPage is how many keys one request of `kv list` asks for.
const keysInPage = 1000

func kvCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "kv",
		Short: "Look into the key-value stores of an app, and change them",
		Long: `Look into the key-value stores of an app, and change them. Values are bytes:
"set" takes them from the command line, a file or stdin, and "get" writes them
as they are.`,
	}
	c.AddCommand(kvList(g), kvGet(g), kvSet(g), kvDelete(g), kvExport(g), kvImport(g))
	return c
}

// A kvVerb is what the verbs of kv have in common.
type kvVerb struct {
	workspace
	label string
}

func (v *kvVerb) addFlags(c *cobra.Command) {
	v.workspace.addFlags(c)
	c.Flags().StringVar(&v.label, "store", "default", "label of the store")
}

func kvList(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	var format, prefix string
	var verbose bool
	c := &cobra.Command{Use: "list [APP]", Short: "List the keys of a store", Args: cobra.MaximumNArgs(1)}
	v.addFlags(c)
	c.Flags().StringVar(&prefix, "prefix", "", "only keys that begin with this")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "show how many bytes each value has")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := v.find(c, args)
		if err != nil {
			return err
		}
		all := []apitype.KeyValueEntry{}
		for from, more := "", true; more; {
			page, err := server.Keys(c.Context(), app.ID, v.label, prefix, from, keysInPage)
			if err != nil {
				return err
			}
			if format == "json" {
				all = append(all, page.Keys...)
			} else {
				g.printKeys(page.Keys, verbose)
			}
			from, more = page.Next, page.Next != ""
		}
		if format == "json" {
			return writeJSON(g.std.Out, all)
		}
		return nil
	}
	return c
}

func (g *globals) printKeys(keys []apitype.KeyValueEntry, verbose bool) {
	for _, e := range keys {
		if verbose {
			g.printf("%10d  %s\n", e.Size, oneLine(e.Key))
			continue
		}
		g.printf("%s\n", oneLine(e.Key))
	}
}

// oneLine returns a key as a terminal may have it: quoted if it has what cannot
// be seen, or could be taken for quoted.
func oneLine(key string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	if key == "" || strings.ContainsFunc(key, hidden) || strings.HasPrefix(key, `"`) || strings.TrimSpace(key) != key {
		return strconv.Quote(key)
	}
	return key
}

func kvGet(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	var format, output string
	c := &cobra.Command{Use: "get APP KEY", Short: "Write the value of a key", Args: cobra.ExactArgs(2)}
	v.addFlags(c)
	c.Flags().StringVarP(&output, "output", "o", "-", "the file to write; - is stdout")
	formatFlag(c, &format)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := v.find(c, args[:1])
		if err != nil {
			return err
		}
		value, err := server.Value(c.Context(), app.ID, v.label, args[1])
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, apitype.KeyValuePair{Key: args[1], Value: base64.StdEncoding.EncodeToString(value)})
		}
		return g.writeTo(output, func(w io.Writer) error {
			_, err := w.Write(value)
			return err
		})
	}
	return c
}

// writeTo has f write a file, which is there only if all of it is; "-" is stdout.
func (g *globals) writeTo(name string, f func(io.Writer) error) error {
	if name == "-" {
		return f(g.std.Out)
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".neutrino-*")
	if err != nil {
		return err
	}
	err = f(file)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func kvSet(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	var file string
	c := &cobra.Command{
		Use:   "set APP KEY [VALUE]",
		Short: "Give a key a value: the argument, a file, or what is on stdin",
		Args:  cobra.RangeArgs(2, 3),
	}
	v.addFlags(c)
	c.Flags().StringVar(&file, "file", "", "the file that has the value; - is stdin")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 3 && file != "" {
			return usagef("give the value once: as an argument or with --file")
		}
		server, app, err := v.find(c, args[:1])
		if err != nil {
			return err
		}
		var value []byte
		switch {
		case len(args) == 3:
			value = []byte(args[2])
		case file == "" || file == "-":
			value, err = io.ReadAll(g.std.In)
		default:
			value, err = os.ReadFile(file)
		}
		if err != nil {
			return fmt.Errorf("value of %s: %w", oneLine(args[1]), err)
		}
		return server.SetValue(c.Context(), app.ID, v.label, args[1], value)
	}
	return c
}

func kvDelete(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	c := &cobra.Command{Use: "delete APP KEY...", Short: "Remove keys, if they are there", Args: cobra.MinimumNArgs(2)}
	v.addFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := v.find(c, args[:1])
		if err != nil {
			return err
		}
		for _, key := range args[1:] {
			if err := server.DeleteValue(c.Context(), app.ID, v.label, key); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}

func kvExport(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	var output string
	c := &cobra.Command{
		Use:   "export [APP]",
		Short: "Write all pairs of a store, a line of JSON each, values in base64",
		Args:  cobra.MaximumNArgs(1),
	}
	v.addFlags(c)
	c.Flags().StringVarP(&output, "output", "o", "-", "the file to write; - is stdout")
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := v.find(c, args)
		if err != nil {
			return err
		}
		return g.writeTo(output, func(w io.Writer) error {
			return server.ExportPairs(c.Context(), app.ID, v.label, w)
		})
	}
	return c
}

func kvImport(g *globals) *cobra.Command {
	v := &kvVerb{workspace: workspace{globals: g}}
	c := &cobra.Command{
		Use:   "import APP [FILE]",
		Short: "Set the pairs of an export, from a file or stdin",
		Long: `Set the pairs of an export, from a file or stdin. Other pairs of the store stay.
If one is refused, those of the lines before it may have been set.`,
		Args: cobra.RangeArgs(1, 2),
	}
	v.addFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		server, app, err := v.find(c, args[:1])
		if err != nil {
			return err
		}
		from := g.std.In
		if len(args) == 2 && args[1] != "-" {
			file, err := os.Open(args[1])
			if err != nil {
				return err
			}
			defer file.Close()
			from = file
		}
		n, err := server.ImportPairs(c.Context(), app.ID, v.label, from)
		if err != nil {
			return err
		}
		g.printf("Imported %d pairs\n", n)
		return nil
	}
	return c
}
