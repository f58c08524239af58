package backup

import (
	"fmt"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

// Text is the report as a page.
func (r DrillReport) Text() string {
	const layout = "2006-01-02 15:04:05 UTC"
	var b strings.Builder
	verdict := "PASSED"
	if !r.Passed {
		verdict = "FAILED"
	}
	from := ""
	if r.Copy {
		from = " from the second target"
	}
	fmt.Fprintf(&b, "BugSpark restore drill%s of %s: %s\n\n", from, r.At.UTC().Format(layout), verdict)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "  FAILED   %s\n", f)
	}
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "  proven   %s\n", c)
	}
	if r.Set != "" {
		fmt.Fprintf(&b, "\n  set              %s of host %s, taken %s\n", r.Set, r.Host, r.Document.CreatedAt.UTC().Format(layout))
	}
	if !r.Point.IsZero() {
		fmt.Fprintf(&b, "  brought back to  %s", r.Point.UTC().Format(layout))
		if r.LSN != "" { // a logical copy has no WAL
			fmt.Fprintf(&b, ", the newest sign of life in it (WAL %s)", r.LSN)
		}
		b.WriteString("\n")
		fmt.Fprintf(&b, "  at most lost     %.0f s of work (RPO)\n", r.Lost)
		fmt.Fprintf(&b, "  reports          %d, projects %d, accounts %d\n", r.Rows["reports"], r.Rows["projects"], r.Rows["accounts"])
		fmt.Fprintf(&b, "  pictures         %d (%s)\n", r.Objects, quantity.Bytes(r.Bytes))
	}
	fmt.Fprintf(&b, "  took             %.1f s (RTO on this machine)\n  signed           Ed25519 %s\n", r.Took, r.Signature)
	return b.String()
}

// Failure is the first thing that failed. The note of a drill belongs to the account of
// the backups, and may name none.
func (r DrillReport) Failure() string {
	if len(r.Failures) == 0 {
		return "the report names no failure"
	}
	return r.Failures[0]
}

// Err is an error when the drill was not passed.
func (r DrillReport) Err() error {
	if r.Passed {
		return nil
	}
	if r.Copy {
		return fault.New(fault.Failed, "bugspark backup copy, which brings the second target up to date; then bugspark backup drill --copy; if it fails again, bugspark backup verify --copy",
			"the second target did not pass the drill: %s", r.Failure())
	}
	return fault.New(fault.Failed, "take a new set at once: bugspark backup create; then drill again", "the backups did not pass the drill: %s", r.Failure())
}
