package restore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

type quiet struct{}

func (quiet) Step(string)              {}
func (quiet) Progress(backup.Progress) {}

// during is a restore that somebody stops.
type during func(ctx context.Context) error

func (during) prepare(context.Context, Request) error     { return nil }
func (d during) run(ctx context.Context, _ *Result) error { return d(ctx) }

// TestAnInterruptedRestoreTellsWhatIsInPlace stops restores with Ctrl-C before the data is
// exchanged and after it, with the error of a program that was killed, and on a new machine.
func TestAnInterruptedRestoreTellsWhatIsInPlace(t *testing.T) {
	for _, c := range []struct {
		rule         string
		exchanged    bool
		fails        error
		newMachine   bool
		want, before string
	}{
		{"before", false, context.Canceled, false, "the data in place was not touched", "bugspark apply"},
		{"wrapped", false, fault.Wrap(fault.Failed, context.Canceled, "another hint", "restoring"), false, "the data in place was not touched", "bugspark apply"},
		{"a program was killed", false, errors.New("signal: killed"), false, "the data in place was not touched: signal: killed", "bugspark apply"},
		{"after", true, context.Canceled, false, "the data from before is kept", "bugspark apply"},
		{"a new machine", false, context.Canceled, true, "this machine is not set up yet", "run the same command again"},
	} {
		d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
		r := &Restorer{Dirs: d, Jobs: &job.Jobs{Dirs: d, Config: config.Config{Database: config.Database{Mode: "managed"}}}, Reporter: quiet{}}
		ctx, stop := context.WithCancel(t.Context())
		p := &Plan{r: r, NewMachine: c.newMachine, destination: during(func(context.Context) error {
			stop()
			if c.exchanged {
				exchanged(t, d)
			}
			return c.fails
		})}
		_, err := p.Run(ctx)
		if err == nil {
			t.Fatalf("%s: it goes on", c.rule)
		}
		hints := strings.Join(fault.Hints(err), "\n")
		if !strings.HasSuffix(err.Error(), c.want) || !strings.HasPrefix(hints, c.before) || strings.Contains(err.Error(), context.Canceled.Error()) {
			t.Errorf("%s: %v\nnext: %s", c.rule, err, hints)
		}
	}
}

// exchanged makes what an exchange leaves behind that waits to be confirmed.
func exchanged(t *testing.T, d config.Dirs) {
	t.Helper()
	old := filepath.Join(d.State, "postgres", "before-restore")
	if err := errors.Join(os.MkdirAll(old, 0o700), os.MkdirAll(filepath.Join(d.State, "setup"), 0o700)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"at": "2026-11-26T10:00:00Z", "what": "a set", "old_inode": %d}`, inodeOf(info))
	if err := os.WriteFile(filepath.Join(d.State, "setup", "restore.json"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func inodeOf(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }
