package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// A row is a figure that is taken of each server: make prepares a round and
// returns what is timed.
type row struct {
	name string
	make func(ctx context.Context, p *process) (func() error, error)
}

const (
	small  = 16 << 10
	large  = 64 << 20
	many   = 200
	crowd  = 16
	middle = 1 << 20
)

func rows() []row {
	return []row{
		{"push 200 × 16 KiB", func(ctx context.Context, p *process) (func() error, error) {
			layers := freshes(many, small)
			return func() error { return p.pushImage(ctx, "many", layers) }, nil
		}},
		{"pull 200 × 16 KiB", func(ctx context.Context, p *process) (func() error, error) {
			layers := freshes(many, small)
			return func() error { return p.pullImage(ctx, "pull", layers) }, p.pushImage(ctx, "pull", layers)
		}},
		{"push 64 MiB, one PUT", func(ctx context.Context, p *process) (func() error, error) {
			c := fresh(large)
			return func() error { return p.push(ctx, c) }, nil
		}},
		{"push 64 MiB, 4 MiB chunks", func(ctx context.Context, p *process) (func() error, error) {
			c := fresh(large)
			return func() error { return p.pushChunks(ctx, c) }, nil
		}},
		{"pull 64 MiB", func(ctx context.Context, p *process) (func() error, error) {
			c := fresh(large)
			return func() error { return p.pull(ctx, c) }, p.push(ctx, c)
		}},
		{"push 16 clients × 1 MiB", func(ctx context.Context, p *process) (func() error, error) {
			all := freshes(crowd, middle)
			return func() error { return each(all, func(c content) error { return p.push(ctx, c) }) }, nil
		}},
		{"pull 16 clients × 1 MiB", func(ctx context.Context, p *process) (func() error, error) {
			all := freshes(crowd, middle)
			return func() error { return each(all, func(c content) error { return p.pull(ctx, c) }) },
				each(all, func(c content) error { return p.push(ctx, c) })
		}},
		{"200 × HEAD of 64 MiB", headOf(large)},
		{"200 × HEAD of 16 KiB", headOf(small)},
	}
}

func headOf(size int) func(context.Context, *process) (func() error, error) {
	return func(ctx context.Context, p *process) (func() error, error) {
		c := fresh(size)
		return func() error {
			for range many {
				if err := p.head(ctx, c); err != nil {
					return err
				}
			}
			return nil
		}, p.push(ctx, c)
	}
}

// each does something with all at once.
func each(all []content, do func(content) error) error {
	var g errgroup.Group
	for _, c := range all {
		g.Go(func() error { return do(c) })
	}
	return g.Wait()
}

// slowUpload returns the longest GET of other clients while one uploads drop by
// drop. They ask at a pace that leaves the processors idle, so that what they
// wait for is the server.
func slowUpload(ctx context.Context, p *process, lasting time.Duration) (time.Duration, error) {
	c := fresh(small)
	if err := p.push(ctx, c); err != nil {
		return 0, err
	}
	at, err := p.begin(ctx)
	if err != nil {
		return 0, err
	}
	uploading, end := context.WithTimeout(ctx, lasting)
	defer end()
	var g errgroup.Group
	g.Go(func() error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, p.absolute(withDigest(at, c.digest)), slow{uploading})
		if err != nil {
			return err
		}
		resp, err := p.client.Do(r) // refused at its end: it has another digest
		if err != nil {
			return fmt.Errorf("the slow upload: %w", err)
		}
		return resp.Body.Close()
	})
	longest := make([]time.Duration, 4)
	for i := range longest {
		g.Go(func() (err error) { longest[i], err = longestPull(ctx, uploading, p, c); return err })
	}
	err = g.Wait()
	return slices.Max(longest), err
}

// longestPull pulls until one of them ends.
func longestPull(ctx, until context.Context, p *process, c content) (longest time.Duration, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-until.Done():
			return longest, nil
		}
		began := time.Now()
		if err := p.pull(ctx, c); err != nil {
			return longest, err
		}
		longest = max(longest, time.Since(began))
	}
}

// peak returns how far the resident memory of a server rises over what it was
// idle: two pushes of 64 MiB at once, one of them in chunks, and two pulls.
func peak(ctx context.Context, p *process) (idle, over int64, err error) {
	if err := p.push(ctx, fresh(small)); err != nil { // what is made at the first use is there
		return 0, 0, err
	}
	all := freshes(2, large)
	if idle, err = p.memory("VmRSS"); err != nil {
		return 0, 0, err
	}
	if err := p.resetPeak(); err != nil {
		return 0, 0, err
	}
	var g errgroup.Group
	g.Go(func() error { return p.push(ctx, all[0]) })
	g.Go(func() error { return p.pushChunks(ctx, all[1]) })
	if err := g.Wait(); err != nil {
		return 0, 0, err
	}
	if err := each(all, func(c content) error { return p.pull(ctx, c) }); err != nil {
		return 0, 0, err
	}
	high, err := p.memory("VmHWM")
	return idle, high - idle, err
}
