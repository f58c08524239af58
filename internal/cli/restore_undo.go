package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/restore"
)

func newRestoreUndo(env Env) *cobra.Command {
	return newRestoreEnd(env, restoreEnd{
		use: "undo", short: "Bring back the data that the last restore has put aside",
		long: `Undo brings back the data from before the last restore. What was restored goes,
and with it every report that came in since.`,
		example: "  bugspark restore undo\n  bugspark restore undo --yes",
		warning: "What was restored is deleted, with every report that came in since.",
		done:    "The data from before is back",
		run:     func(ctx context.Context, r *restore.Restorer) error { return r.Undo(ctx) },
	})
}

func newRestoreConfirm(env Env) *cobra.Command {
	return newRestoreEnd(env, restoreEnd{
		use: "confirm", short: "Give up the data that the last restore has put aside",
		long:    "Confirm deletes the data from before the last restore. It cannot be undone afterwards.",
		example: "  bugspark restore confirm\n  bugspark restore confirm --yes",
		warning: "The data from before the restore is deleted for good.",
		done:    "The data from before the restore is deleted",
		run:     func(ctx context.Context, r *restore.Restorer) error { return r.Confirm(ctx) },
	})
}

// restoreEnd is one of the two ways in which a restore ends.
type restoreEnd struct {
	use, short, long, example, warning, done string
	run                                      func(context.Context, *restore.Restorer) error
}

func newRestoreEnd(env Env, e restoreEnd) *cobra.Command {
	var yes, asJSON bool
	c := &cobra.Command{
		Use: e.use, Short: e.short, Long: e.long, Example: e.example, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return e.end(cmd.Context(), env, yes, asJSON) },
	}
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

func (e restoreEnd) end(ctx context.Context, env Env, yes, asJSON bool) error {
	p, err := env.configured()
	if err != nil {
		return err
	}
	if err := preflight.RequireRoot(); err != nil {
		return err
	}
	report := newRestoreReport(env, asJSON)
	defer report.finish()
	r, err := p.Restorer(nil, report)
	if err != nil {
		return err
	}
	end := restore.End{
		// A set that is being taken would fail when the database stops.
		Lock: func(ctx context.Context) (func(), error) { return p.Jobs().Lock(ctx, true, waiting(env)) },
		Act:  func(ctx context.Context) error { return e.run(ctx, r) },
	}
	if !yes {
		end.Ask = func(last exchange.Record) error {
			return confirm(env, e.use, fmt.Sprintf("The restore of %s brought %s.\n%s", last.At.Local().Format(time.DateTime), last.What, e.warning))
		}
	}
	done, err := r.End(ctx, end)
	if err != nil {
		return err
	}
	report.finish()
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(map[string]any{"changed": true, "restored_at": done.At, "what": done.What})
	}
	_, err = fmt.Fprintf(env.Stdout, "%s. The restore of %s had brought %s. BugSpark is at %s\nNext: bugspark status\n", e.done, done.At.Local().Format(time.DateTime), done.What, p.Config.Server.PublicURL())
	return err
}
