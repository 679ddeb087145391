// Command bench measures the registry side by side with two others, and prints
// each figure as a ratio to the fastest of them that keeps content as well.
//
//	go run . [-rounds 5] [-dir DIR] [-rows REGEXP]
//
// Each server is a process of its own, so that its memory can be told apart. A
// round asks all servers, one after the other, so that what else the machine does
// hurts all alike; the best round of each counts. It is a module of its own, so
// that what the others need is not what the product needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	rounds := flag.Int("rounds", 5, "how often each figure is taken")
	dir := flag.String("dir", os.TempDir(), "where the servers on disk keep content")
	only := flag.String("rows", "", "only the rows whose name matches")
	serve := flag.String("serve", "", "be this server, until standard input ends")
	flag.Parse()
	if *serve != "" {
		return beServer(ctx, *serve, *dir)
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	b := &bench{rounds: *rounds, dir: *dir, wanted: wanted}
	return b.run(ctx, os.Stdout)
}
