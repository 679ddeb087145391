package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/runtime/codecache"
)

func cacheCommand(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "Look into the cache of compiled code, and empty it",
		Long: `Look into the cache of compiled code, and empty it. All servers of a user share
it; it is in the user's cache directory (XDG_CACHE_HOME), bounded in size, and
what is removed from it is compiled again when it is needed.`,
	}
	c.AddCommand(cacheList(g), cacheClear(g))
	return c
}

// A cacheEntry is the code of one component or command.
type cacheEntry struct {
	Key      string    `json:"key"` // digest, kind, versions and processor
	Note     string    `json:"note"`
	Bytes    int64     `json:"bytes"`
	LastUsed time.Time `json:"last_used"`
}

func cacheEntries(list []codecache.Info) []cacheEntry {
	entries := []cacheEntry{}
	for _, i := range list {
		entries = append(entries, cacheEntry{i.Key, i.Note, i.Size, i.Used.UTC()})
	}
	return entries
}

func openCodeCache() (*codecache.Cache, error) {
	dir := cacheDir()
	if dir == "" {
		return nil, errors.New("there is no cache: set HOME or XDG_CACHE_HOME")
	}
	return codecache.Open(dir, 0)
}

func cacheList(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "list", Short: "List what is in the cache, the last used first", Args: cobra.NoArgs}
	formatFlag(c, &format)
	c.RunE = func(*cobra.Command, []string) error {
		cache, err := openCodeCache()
		if err != nil {
			return err
		}
		list, err := cache.List()
		if err != nil {
			return err
		}
		if format == "json" {
			return writeJSON(g.std.Out, cacheEntries(list))
		}
		var total int64
		for _, i := range list {
			g.printf("%s  %10d  %s  %s\n", i.Used.UTC().Format(timeLayout), i.Size, i.Key, i.Note)
			total += i.Size
		}
		g.printf("%d entries, %d bytes\n", len(list), total)
		return nil
	}
	return c
}

func cacheClear(g *globals) *cobra.Command {
	var format string
	c := &cobra.Command{Use: "clear", Short: "Remove all that is in the cache; servers that run are not disturbed", Args: cobra.NoArgs}
	formatFlag(c, &format)
	c.RunE = func(*cobra.Command, []string) error {
		cache, err := openCodeCache()
		if err != nil {
			return err
		}
		gone, err := cache.Clear()
		if err != nil {
			return fmt.Errorf("cache %s: %w", cacheDir(), err)
		}
		if format == "json" {
			return writeJSON(g.std.Out, cacheEntries(gone))
		}
		var total int64
		for _, i := range gone {
			total += i.Size
		}
		g.printf("Removed %d entries, %d bytes\n", len(gone), total)
		return nil
	}
	return c
}
