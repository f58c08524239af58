// Command bugspark is the whole product: every role of the installation is one
// of its subcommands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/bugspark/bugspark/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := cli.Run(ctx, cli.Env{
		Args: os.Args[1:], Lookup: os.LookupEnv,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	})
	stop()
	os.Exit(status)
}
