// Package preflight proves what must hold before setup, apply or restore change
// anything. Every file holds one check and what it needs.
package preflight

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/bugspark/bugspark/internal/fault"
)

// Subject is what a check is about, so that a caller can leave out what does not
// matter to it.
type Subject int

// The subjects.
const (
	Machine      Subject = iota // the operating system and what is installed
	Certificate                 // the files of tls.mode files
	Secrets                     // of the customer's own services
	BackupTarget                // where backups are kept
	Replication                 // receiving the WAL of a customer's server
	Services                    // the customer's own database and object store
	Unfinished                  // what was begun before and must be gone on with
)

// Check is one thing that must hold.
type Check struct {
	ID      string // stable, for documentation and JSON
	Title   string
	Subject Subject
	Run     func(context.Context) error
}

// Finding is the outcome of one check.
type Finding struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Error string   `json:"error,omitempty"`
	Hints []string `json:"hints,omitempty"`
}

// Run runs every check side by side and returns the findings in the order of the
// checks, with one error that names all that failed.
func Run(ctx context.Context, checks []Check) ([]Finding, error) {
	findings := make([]Finding, len(checks))
	failures := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() {
			findings[i] = Finding{ID: c.ID, Title: c.Title}
			if err := c.Run(ctx); err != nil {
				failures[i] = err
				findings[i].Error, findings[i].Hints = err.Error(), fault.Hints(err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		return findings, &fault.Error{Kind: fault.Preflight, Message: "nothing was changed, because a check failed", Err: err}
	}
	return findings, nil
}

// Without leaves out the checks of some subjects.
func Without(checks []Check, subjects ...Subject) []Check {
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool { return slices.Contains(subjects, c.Subject) })
}
