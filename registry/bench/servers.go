package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // its name in the configuration
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/sirupsen/logrus"

	"github.com/neutrino-local/neutrino-local/registry"
	"github.com/neutrino-local/neutrino-local/registry/blob"
	"github.com/neutrino-local/neutrino-local/store/sqlite"
)

// A kind of server: what it is called, where it keeps content, and how it is
// made.
type kind struct {
	name string
	keep string // disk or memory
	ours bool
	make func(ctx context.Context, dir string) (http.Handler, error)
}

// memoryDir is where what is kept in files, and in memory, is.
const memoryDir = "/dev/shm"

// kinds lists the servers. The second peer in memory is left out: it needs 24 s
// for a push of 64 MiB. On disk, neither ours nor the first peer waits for the
// medium, but the first peer forgets its manifests at exit; the second syncs each
// file. In memory nothing outlives the machine; --ephemeral is the store on disk,
// on a file system in memory.
func kinds() []kind {
	return []kind{
		{"neutrino-local, disk", "disk", true, oursOnDisk},
		{"neutrino-local, --ephemeral", "memory", true, oursOnDisk},
		{"neutrino-local, memory", "memory", true, oursInMemory},
		{"go-containerregistry, disk", "disk", false, func(_ context.Context, dir string) (http.Handler, error) {
			return ggcr.New(quiet, ggcr.WithBlobHandler(ggcr.NewDiskBlobHandler(dir))), nil
		}},
		{"go-containerregistry, memory", "memory", false, func(context.Context, string) (http.Handler, error) {
			return ggcr.New(quiet), nil
		}},
		{"distribution, disk", "disk", false, func(ctx context.Context, dir string) (http.Handler, error) {
			return distribution(ctx, dir), nil
		}},
	}
}

var quiet = ggcr.Logger(log.New(io.Discard, "", 0))

func oursOnDisk(ctx context.Context, dir string) (http.Handler, error) {
	blobs, err := blob.OpenDisk(filepath.Join(dir, "blobs"), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return ours(ctx, dir, blobs)
}

func oursInMemory(ctx context.Context, dir string) (http.Handler, error) {
	return ours(ctx, dir, blob.NewMemory())
}

func ours(ctx context.Context, dir string, blobs blob.Store) (http.Handler, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, "bench.db"))
	if err != nil {
		return nil, err
	}
	return registry.New(registry.Config{Blobs: blobs, Index: db, Log: slog.New(slog.DiscardHandler)})
}

func distribution(ctx context.Context, dir string) http.Handler {
	config := &configuration.Configuration{
		Storage: configuration.Storage{
			"filesystem": {"rootdirectory": dir}, "cache": {"blobdescriptor": "inmemory"}, "delete": {"enabled": true},
			"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
		},
	}
	config.Log.AccessLog.Disabled = true
	logrus.SetLevel(logrus.PanicLevel) // no server has to write a log
	config.HTTP.Secret = "secret"
	config.Validation.Disabled = true
	return handlers.NewApp(ctx, config)
}

// beServer serves on any port, says which, and ends with standard input.
func beServer(ctx context.Context, name, dir string) error {
	log.SetOutput(io.Discard)
	for _, k := range kinds() {
		if k.name != name {
			continue
		}
		h, err := k.make(ctx, dir)
		if err != nil {
			return err
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(ln.Addr())
		go http.Serve(ln, h) // ends with the process
		_, err = io.Copy(io.Discard, os.Stdin)
		return err
	}
	return fmt.Errorf("no server %q", name)
}
