// Command bench measures the product against peers in the same run and prints
// ratios: 'make bench'. Ratios can be compared between machines; figures cannot.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// bench is one measurement; binary is the bugspark to measure.
type bench struct {
	name string
	run  func(ctx context.Context, w io.Writer, binary string) error
}

func benches() []bench {
	return []bench{
		{"ingest", benchIngest},
		{"proxy", benchProxy},
		{"memory", benchMemory},
		{"backup", benchBackup},
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: bench ingest|proxy|memory|backup|all BINARY")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := 2
	for _, b := range benches() {
		if os.Args[1] != b.name && os.Args[1] != "all" {
			continue
		}
		if status == 2 {
			status = 0
		}
		if err := b.run(ctx, os.Stdout, os.Args[2]); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", b.name, err)
			status = 1
		}
	}
	stop()
	os.Exit(status)
}
