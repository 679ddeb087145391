package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"regexp"
	"time"
)

// A bench takes the figures and prints them.
type bench struct {
	rounds int
	dir    string
	wanted *regexp.Regexp
}

// slowFor is how long the slow client uploads.
const slowFor = 3 * time.Second

func (b *bench) run(ctx context.Context, out io.Writer) error {
	all := kinds()
	fmt.Fprint(out, "| |")
	for _, k := range all {
		fmt.Fprintf(out, " %s |", k.name)
	}
	fmt.Fprint(out, "\n|---|")
	for range all {
		fmt.Fprint(out, "---:|")
	}
	fmt.Fprintln(out)
	if err := b.times(ctx, out); err != nil {
		return err
	}
	if b.wanted.MatchString("peak RSS") {
		if err := b.peaks(ctx, out); err != nil {
			return err
		}
	}
	if b.wanted.MatchString("slow upload") {
		return b.slow(ctx, out)
	}
	return nil
}

// times prints the rows that are times. A server is new for each row, so that no
// row pays for the memory of another.
func (b *bench) times(ctx context.Context, out io.Writer) error {
	for _, r := range rows() {
		if !b.wanted.MatchString(r.name) {
			continue
		}
		best := make([]float64, len(kinds()))
		err := b.each(ctx, func(i int, p *process) error {
			best[i] = math.Inf(1)
			return nil
		}, func(i int, p *process) error {
			timed, err := r.make(ctx, p)
			if err != nil {
				return err
			}
			began := time.Now()
			if err := timed(); err != nil {
				return err
			}
			best[i] = min(best[i], time.Since(began).Seconds()*1000)
			return nil
		})
		if err != nil {
			return err
		}
		printRow(out, r.name, "%.1f ms", best)
	}
	return nil
}

// each starts all servers, and asks each of them once in each round.
func (b *bench) each(ctx context.Context, first, do func(i int, p *process) error) error {
	var all []*process
	defer func() {
		for _, p := range all {
			p.stop()
		}
	}()
	for i, k := range kinds() {
		p, err := start(ctx, k, b.dir)
		if err != nil {
			return err
		}
		all = append(all, p)
		if err := first(i, p); err != nil {
			return err
		}
	}
	for round := range b.rounds + 1 {
		for i := range all {
			i = (i + round) % len(all) // nobody always comes after the same
			p := all[i]
			if round == 0 { // to warm up
				if err := p.push(ctx, fresh(small)); err != nil {
					return err
				}
				continue
			}
			if err := do(i, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// printRow prints the figures, and behind each of ours its ratio to the best of
// the others that keep content alike.
func printRow(out io.Writer, name, format string, figures []float64) {
	fmt.Fprintf(out, "| %s |", name)
	for i, k := range kinds() {
		fmt.Fprintf(out, " "+format, figures[i])
		if k.ours {
			fmt.Fprintf(out, " **%.2f**", figures[i]/bestPeer(figures, k.keep))
		}
		fmt.Fprint(out, " |")
	}
	fmt.Fprintln(out)
}

func bestPeer(figures []float64, keep string) float64 {
	best := math.Inf(1)
	for i, k := range kinds() {
		if k.keep == keep && !k.ours {
			best = min(best, figures[i])
		}
	}
	return best
}

func (b *bench) peaks(ctx context.Context, out io.Writer) error {
	idle, over := make([]float64, len(kinds())), make([]float64, len(kinds()))
	for i, k := range kinds() {
		p, err := start(ctx, k, b.dir)
		if err != nil {
			return err
		}
		at, peak, err := peak(ctx, p)
		p.stop()
		if err != nil {
			return err
		}
		idle[i], over[i] = float64(at)/(1<<20), float64(peak)/(1<<20)
	}
	printRow(out, "RSS idle", "%.1f MiB", idle)
	printRow(out, "peak RSS over idle, 2 × 64 MiB pushed and pulled", "%.1f MiB", over)
	return nil
}

func (b *bench) slow(ctx context.Context, out io.Writer) error {
	longest := make([]float64, len(kinds()))
	for i, k := range kinds() {
		p, err := start(ctx, k, b.dir)
		if err != nil {
			return err
		}
		d, err := slowUpload(ctx, p, slowFor)
		p.stop()
		if err != nil {
			return err
		}
		longest[i] = d.Seconds() * 1000
	}
	printRow(out, "longest GET during a slow upload", "%.1f ms", longest)
	return nil
}
