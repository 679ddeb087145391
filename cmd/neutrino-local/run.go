package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/runtime"
	"github.com/neutrino-local/neutrino-local/store"
)

func runCommand(g *globals) *cobra.Command {
	var dirs, env []string
	c := &cobra.Command{
		Use:   "run FILE [ARG…]",
		Short: "Run a wasm command: a component with wasi:cli/run, or a preview 1 program",
		Long: `Run a wasm command once, without a server. Its stdio and exit code are passed
on. It has no network and sees no files but those of --dir, which it may write.`,
		Args: cobra.MinimumNArgs(1),
	}
	c.Flags().SetInterspersed(false) // what follows the file is the command's
	c.Flags().StringArrayVar(&dirs, "dir", nil, "HOST::GUEST, or one name for both: a directory that it may use")
	c.Flags().StringArrayVar(&env, "env", nil, "KEY=VALUE")
	c.RunE = func(c *cobra.Command, args []string) error {
		command := runtime.Command{
			Name: filepath.Base(args[0]), Arguments: args[1:],
			Stdin: g.std.In, Stdout: g.std.Out, Stderr: g.std.Err, CacheDir: cacheDir(),
		}
		for _, d := range dirs {
			host, guest, ok := strings.Cut(d, "::")
			if !ok {
				guest = host
			}
			command.Directories = append(command.Directories, runtime.Directory{Host: host, Guest: guest})
		}
		for _, kv := range env {
			key, value, ok := strings.Cut(kv, "=")
			if !ok || key == "" {
				return usagef("--env %s: want KEY=VALUE", kv)
			}
			command.Environment = append(command.Environment, [2]string{key, value})
		}
		return runFile(c, &command, args[0])
	}
	return c
}

func runFile(c *cobra.Command, command *runtime.Command, file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Size() > maxInspected {
		return fmt.Errorf("%s: %w: %d bytes, at most %d are read", file, store.ErrLimit, info.Size(), maxInspected)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	exit, err := command.Run(c.Context(), wasm)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if exit != 0 {
		return coded(exit, errSilent)
	}
	return nil
}
