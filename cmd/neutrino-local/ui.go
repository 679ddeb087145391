package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/store"
)

func uiCommand(g *globals) *cobra.Command {
	var stay bool
	c := &cobra.Command{
		Use:   "ui",
		Short: "Open the page of the server in a browser",
		Long: `Print the address of the page and open it in a browser. If the server has a
token, the page asks for it.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&stay, "no-open", false, "only print the address")
	c.RunE = func(c *cobra.Command, _ []string) error {
		server, err := g.client("")
		if err != nil {
			return err
		}
		s, err := server.Server(c.Context())
		if err != nil {
			return err
		}
		g.printf("%s\n", s.URLs.UI)
		if stay {
			return nil
		}
		return openBrowser(c.Context(), runtime.GOOS, s.URLs.UI)
	}
	return c
}

// opener returns the program of a system that opens an address in the browser
// that a person has chosen, and its arguments. The address is one of them, never
// a part of a shell's line.
func opener(system, address string) (string, []string) {
	switch system {
	case "darwin":
		return "open", []string{address}
	case "windows":
		return "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	return "xdg-open", []string{address}
}

func openBrowser(ctx context.Context, system, address string) error {
	program, args := opener(system, address)
	path, err := exec.LookPath(program)
	if err == nil {
		err = exec.CommandContext(ctx, path, args...).Run()
	}
	if err != nil {
		return store.Hint(fmt.Errorf("open the page with %s: %w", program, err), "open the address above yourself, or give --no-open")
	}
	return nil
}
