//go:build wasip1

// Files shows the file or directory of the request's path. With ?op=write,
// ?op=append, ?op=mkdir, ?op=remove or ?op=rename it tries to change it and shows
// what that leads to.
package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

func main() {
	name := os.Getenv("PATH_INFO")
	if name == "" {
		name = "/"
	}
	if op, ok := strings.CutPrefix(os.Getenv("QUERY_STRING"), "op="); ok {
		fmt.Printf("Content-Type: text/plain\n\n%v\n", change(op, name))
		return
	}
	if err := show(name); err != nil {
		fmt.Printf("Status: 404\nContent-Type: text/plain\n\n%v\n", err)
	}
}

func change(op, name string) error {
	switch op {
	case "write":
		return os.WriteFile(name, []byte("x"), 0o644)
	case "append":
		_, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		return err
	case "mkdir":
		return os.Mkdir(name, 0o755)
	case "remove":
		return os.Remove(name)
	case "rename":
		return os.Rename(name, "/other")
	}
	return fmt.Errorf("no such op: %s", op)
}

func show(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return list(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	kind := "text/plain"
	if path.Ext(name) == ".html" {
		kind = "text/html"
	}
	fmt.Printf("Content-Type: %s\n\n", kind)
	_, err = io.Copy(os.Stdout, f)
	return err
}

func list(name string) error {
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	fmt.Print("Content-Type: text/plain\n\n")
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Printf("%s %d %s\n", info.Mode(), info.Size(), e.Name())
	}
	return nil
}
