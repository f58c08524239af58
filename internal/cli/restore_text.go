package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/host/restore"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/progress"
)

// restoreReport shows the steps of a restore, the bytes of its copies and the
// changes of the machine.
type restoreReport struct {
	*progress.Transfer
	changes *progress.Steps
	steps   io.Writer // nil is silent
}

func newRestoreReport(env Env, silent bool) *restoreReport {
	r := &restoreReport{Transfer: progress.NewTransfer(env.errors(silent)), changes: progress.NewSteps(env.out(silent))}
	if !silent {
		r.steps = env.Stderr
	}
	return r
}

func (r *restoreReport) finish() {
	r.Transfer.Finish()
	r.changes.Finish()
}

// Step tells that something begins.
func (r *restoreReport) Step(what string) {
	r.finish()
	if r.steps != nil {
		fmt.Fprintf(r.steps, "  %s\n", what)
	}
}

// Progress tells how far a copy is.
func (r *restoreReport) Progress(p backup.Progress) { r.Report(p) }

// Change tells of a change of the machine.
func (r *restoreReport) Change(c setup.Change) {
	r.Transfer.Finish()
	r.changes.Change(c)
}

// describeSource tells what comes back, how far back that goes, and what it makes of a new
// machine.
func describeSource(out io.Writer, p *restore.Plan) {
	c := p.Point
	d := c.Document
	fmt.Fprintf(out, "From set    %s, taken %s on %s\n", c.Set, d.CreatedAt.Local().Format(time.DateTime), d.Host)
	fmt.Fprintf(out, "%s\n", upTo(p))
	if c.Behind {
		fmt.Fprintf(out, "!           the newest state is not in the backups: the set that leads there is gone, and the next has not come\n")
	}
	if c.Coverage.Gap != "" {
		fmt.Fprintf(out, "!           WAL segment %s is missing; what came after it is lost\n", c.Coverage.Gap)
	}
	if p.NewMachine {
		fmt.Fprintf(out, "and the configuration and secrets of %s: nothing is set up here. This machine then\n", p.Config.Server.Name)
		for _, b := range p.Brings() {
			fmt.Fprintf(out, "  %-10s  %s\n", b.What, b.Text)
		}
	}
}

// describePlan tells what will happen. Of a new machine the source is told by then.
func describePlan(out io.Writer, p *restore.Plan) {
	d := p.Point.Document
	if !p.NewMachine {
		describeSource(out, p)
	}
	switch p.Database {
	case restore.Keep:
		fmt.Fprintf(out, "the database is yours and holds data: it stays as it is\n")
	case restore.Load:
		fmt.Fprintf(out, "into        your database, which is empty\n")
	case restore.Replace:
		fmt.Fprintf(out, "into        your database, in the place of our tables there; what they hold is kept here\n")
	}
	free := ""
	if p.Free > 0 {
		free = "; " + size(p.Free) + " free"
	}
	fmt.Fprintf(out, "database    %s, %d reports in the set%s\n", size(d.Database.Bytes), d.Database.Rows["reports"], free)
	fmt.Fprintf(out, "pictures    %d of %s, where they are not there already\n", d.Objects.Count, size(d.Objects.Bytes))
	fmt.Fprintf(out, "time        %s\n", p.Estimate())
	if p.Database == restore.Exchange && !p.NewMachine {
		fmt.Fprintf(out, "put aside   the data in place, with all that comes in until the exchange: 'bugspark restore undo' brings it back\n")
	}
}

// upTo is the line that tells which state comes back.
func upTo(p *restore.Plan) string {
	switch c := p.Point; {
	case !c.Abandoned.IsZero():
		return fmt.Sprintf("up to       %s, in a time that a restore ended at %s", c.Time.Local().Format("2006-01-02 15:04:05.999 MST"), c.Abandoned.Local().Format(time.DateTime))
	case !c.Time.IsZero():
		return fmt.Sprintf("up to       %s, by the archived WAL", c.Time.Local().Format("2006-01-02 15:04:05.999 MST"))
	case c.Replay && c.Coverage.Until.IsZero():
		return "up to       the set itself: no WAL was archived after it"
	case c.Replay && c.Through.After(c.Coverage.Until):
		return fmt.Sprintf("up to       %s (WAL %s), everything until then is archived", c.Through.Local().Format(time.DateTime), c.Coverage.LSN)
	case c.Replay:
		return fmt.Sprintf("up to       %s (WAL %s), the newest that is archived", c.Coverage.Until.Local().Format(time.DateTime), c.Coverage.LSN)
	default:
		return "up to       the set itself"
	}
}

// tellResult tells what came back, and what to do next.
func tellResult(env Env, p *restore.Plan, out restore.Result) {
	w := env.Stdout
	fmt.Fprintf(w, "\nRestored in %.1f s: %d reports, %d projects, %d accounts; %d pictures brought back, %d were there.\n",
		out.Seconds, out.Rows["reports"], out.Rows["projects"], out.Rows["accounts"], out.Pictures.Put, out.Pictures.Present)
	if !out.Heartbeat.IsZero() {
		fmt.Fprintf(w, "The newest sign of life in it is of %s.\n", out.Heartbeat.Local().Format(time.DateTime))
	}
	if len(out.Missing) > 0 {
		fmt.Fprintf(w, "! %d pictures that the database names are in no backup, such as %s\n", len(out.Missing), out.Missing[0])
	}
	switch {
	case p.NewMachine:
		fmt.Fprintf(w, "BugSpark runs at %s\n", p.Config.Server.PublicURL())
	case p.Database == restore.Exchange || p.Database == restore.Replace:
		fmt.Fprint(w, "The data from before is kept. Next: look around, then\n  bugspark restore confirm   to give it up, or\n  bugspark restore undo      to bring it back\n")
	}
}
