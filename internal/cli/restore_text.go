package cli

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

func (x *restoration) say(what string) {
	if !x.silent {
		fmt.Fprintf(x.env.Stderr, "  %s\n", what)
	}
}

// describe tells what will happen, and how far back it goes.
func (x *restoration) describe() {
	c, out := x.choice, x.env.Stdout
	fmt.Fprintf(out, "From set    %s, taken %s on %s\n", c.Set, c.Document.CreatedAt.Local().Format(time.DateTime), c.Document.Host)
	switch {
	case x.foreign != nil && x.foreign.keeps:
		fmt.Fprintf(out, "the database is yours and holds data: it stays as it is\n")
	case !c.Time.IsZero():
		fmt.Fprintf(out, "up to       %s, by the archived WAL\n", c.Time.Local().Format("2006-01-02 15:04:05.999 MST"))
	case c.Replay && c.Coverage.Until.IsZero():
		fmt.Fprintf(out, "up to       the set itself: no WAL was archived after it\n")
	case c.Replay:
		fmt.Fprintf(out, "up to       %s (WAL %s), the newest that is archived\n", c.Coverage.Until.Local().Format(time.DateTime), c.Coverage.LSN)
	default:
		fmt.Fprintf(out, "up to       the set itself\n")
	}
	if c.Coverage.Gap != "" {
		fmt.Fprintf(out, "!           WAL segment %s is missing; what came after it is lost\n", c.Coverage.Gap)
	}
	if f := x.foreign; f != nil && f.empty() {
		fmt.Fprintf(out, "into        your database, which is empty\n")
	} else if f != nil && !f.keeps {
		fmt.Fprintf(out, "into        your database, in the place of our tables there; what they hold is kept here\n")
	}
	free := ""
	if x.plan.Free > 0 {
		free = "; " + size(x.plan.Free) + " free"
	}
	fmt.Fprintf(out, "database    %s, %d reports in the set%s\n", size(c.Document.Database.Bytes), c.Document.Database.Rows["reports"], free)
	fmt.Fprintf(out, "pictures    %d of %s, where they are not there already\n", c.Document.Objects.Count, size(c.Document.Objects.Bytes))
	fmt.Fprintf(out, "time        %s\n", x.estimate())
	if x.isNew {
		fmt.Fprintf(out, "and the configuration and secrets of %s: nothing is set up here\n", x.v.cfg.Server.Name)
	}
}

// restarting is for stopping and starting the services.
const restarting = 5 * time.Second

// restoreRate is what a restore writes a second on a slow disk, at least.
const restoreRate = 50 << 20

// estimate is how long it will take: as long as the last drill, which does the
// same, or by the size where none was held.
func (x *restoration) estimate() string {
	memory, err := history.Read(x.v.dirs)
	if err == nil && memory.Drill.Passed {
		return "about " + quantity.Duration(time.Duration(memory.Drill.Took*float64(time.Second))+restarting) + ", as the last drill"
	}
	bytes := x.plan.Bytes
	if x.isNew {
		bytes += x.choice.Document.Objects.Bytes
	}
	return fmt.Sprintf("about %s, at %s/s", quantity.Duration(time.Duration(bytes/restoreRate)*time.Second+restarting), size(restoreRate))
}

// ask wants a word before live data is put aside.
func (x *restoration) ask(yes bool) error {
	if yes || x.isNew {
		return nil
	}
	if f, ok := x.env.Stdin.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return fault.New(fault.Usage, "add --yes", "the live data would be put aside, and nobody is there to be asked")
	}
	fmt.Fprint(x.env.Stdout, "\nThe live data is put aside and can be brought back until you confirm.\nType restore to go on: ")
	line, err := bufio.NewReader(x.env.Stdin).ReadString('\n')
	if strings.TrimSpace(line) != "restore" {
		return fault.Wrap(fault.Usage, errors.Join(errors.New("nothing was changed"), ignoreEOF(err)), "", "not confirmed")
	}
	return nil
}

func ignoreEOF(err error) error {
	if err == nil || err.Error() == "EOF" {
		return nil
	}
	return err
}

func (x *restoration) tell(out restored) {
	w := x.env.Stdout
	fmt.Fprintf(w, "\nRestored in %.1f s: %d reports, %d projects, %d accounts; %d pictures brought back, %d were there.\n",
		out.Seconds, out.Rows["reports"], out.Rows["projects"], out.Rows["accounts"], out.Pictures.Put, out.Pictures.Present)
	if !out.Beat.IsZero() {
		fmt.Fprintf(w, "The newest sign of life in it is of %s.\n", out.Beat.Local().Format(time.DateTime))
	}
	if len(out.Missing) > 0 {
		fmt.Fprintf(w, "! %d pictures that the database names are in no backup, such as %s\n", len(out.Missing), out.Missing[0])
	}
	if x.isNew {
		fmt.Fprintf(w, "BugSpark runs at %s\n", x.v.cfg.Server.PublicURL())
		return
	}
	if x.foreign != nil && x.foreign.empty() {
		return
	}
	fmt.Fprint(w, "The data from before is kept. Next: look around, then\n  bugspark restore confirm   to give it up, or\n  bugspark restore undo      to bring it back\n")
}
