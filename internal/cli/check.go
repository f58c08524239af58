package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func newBackupCheck(env Env) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Tell whether the backups are as they should be",
		Long: `Check looks at the age of the newest set, of the archived WAL and of the last
drill, and at the room on the target. It writes them as metrics into
/var/lib/bugspark/backup/metrics.prom. Exit status 1 means that something is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dirs := config.DirsFrom(env.Lookup)
			cfg, err := config.Load(dirs, env.Lookup)
			if err != nil {
				return err
			}
			look := lookAtTarget(env, dirs, cfg)
			if err := stepDown(backupAccount); err != nil {
				return err
			}
			b, err := lookAtBackups(dirs, cfg, time.Now(), look)
			if err != nil {
				return err
			}
			v := &vault{dirs: dirs}
			if err := renameio.WriteFile(v.state("metrics.prom"), b.metrics(), 0o644, renameio.WithStaticPermissions(0o644)); err != nil {
				return fmt.Errorf("writing the metrics: %w", err)
			}
			if len(b.Problems) > 0 {
				return fault.New(fault.Failed, "bugspark status, then docs/backups.md", "the backups are not as they should be: %s", strings.Join(b.Problems, "; "))
			}
			_, err = fmt.Fprintln(env.Stdout, b.sentence())
			return err
		},
	}
}

// backupStatus is what 'status' leads with.
type backupStatus struct {
	State    string     `json:"state"`                 // off, unconfirmed, on
	Proven   *time.Time `json:"last_proven,omitempty"` // the moment that the last passed drill brought back
	Set      *time.Time `json:"last_set,omitempty"`
	Through  *time.Time `json:"archived_through,omitempty"`
	Problems []string   `json:"problems,omitempty"`

	now    time.Time
	memory backupMemory
	noWAL  bool  // without WAL there is nothing between two sets
	free   int64 // on the target; -1 when it is away or does not tell
}

// The ages beyond which something is wrong.
const (
	setTooOld   = 50 * time.Hour
	walTooOld   = 15 * time.Minute
	drillTooOld = 9 * 24 * time.Hour
	copyTooOld  = 26 * time.Hour
	roomTooLow  = 2 << 30
)

func lookAtBackups(dirs config.Dirs, cfg config.Config, now time.Time, look func() (free int64, err error)) (backupStatus, error) {
	b := backupStatus{State: "off", now: now, free: -1, noWAL: !cfg.Streams()}
	if cfg.Backup.Target == "" {
		return b, nil
	}
	var err error
	if b.memory, err = readMemory(dirs); err != nil {
		return b, err
	}
	confirmed, err := setup.KitConfirmed(dirs)
	if err != nil {
		return b, err
	}
	if b.State = "unconfirmed"; confirmed {
		b.State = "on"
	}
	pointer := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	b.Set, b.Through = pointer(b.memory.Set.At), pointer(b.memory.WAL.Through)
	if b.noWAL {
		b.Through = nil // that of a cluster from before
	}
	if b.memory.Drill.Passed {
		b.Proven = pointer(b.memory.Drill.Point)
	}
	if b.free, err = look(); err != nil {
		b.problem("the backup target %s is away: %v", cfg.Backup.Target, err)
	} else if b.free >= 0 && b.free < roomTooLow {
		b.problem("the backup target has only %s free", size(b.free))
	}
	if confirmed {
		b.judge(dirs, cfg)
	}
	return b, nil
}

// targetAnswers is how long a target may take to say how much is free.
const targetAnswers = 5 * time.Second

// lookAtTarget reads the keys of the target and returns what looks at it, for its
// room or -1 when it does not tell. Who may not read the keys cannot look, and
// leaves it to the check that runs every few minutes.
func lookAtTarget(env Env, dirs config.Dirs, cfg config.Config) func() (int64, error) {
	p, err := ownPlace(env, dirs, cfg.Backup, false)
	return func() (int64, error) {
		if errors.Is(err, fs.ErrPermission) {
			return -1, nil
		}
		if err != nil {
			return -1, err
		}
		return p.look()
	}
}

// look looks whether a target is there. A network mount whose server is gone lets
// whoever looks at it wait for ever, so another goroutine does.
func (p place) look() (int64, error) {
	s, err := p.open()
	if err != nil {
		return -1, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), targetAnswers)
	defer cancel()
	type answer struct {
		free int64
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		defer s.Close()
		_, err := s.Stat(ctx, target.OwnerFile)
		// Who may not look into the directory may still ask for its room.
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			if errors.Is(err, fs.ErrNotExist) {
				err = target.ErrAway
			}
			got <- answer{-1, err}
			return
		}
		free, err := s.Free(ctx)
		if errors.Is(err, target.ErrUnknown) {
			free, err = -1, nil
		}
		got <- answer{free, err}
	}()
	select {
	case a := <-got:
		return a.free, a.err
	case <-ctx.Done():
		return -1, fmt.Errorf("no answer in %s", targetAnswers)
	}
}

func (b *backupStatus) problem(format string, args ...any) {
	b.Problems = append(b.Problems, fmt.Sprintf(format, args...))
}

func (b *backupStatus) judge(dirs config.Dirs, cfg config.Config) {
	// What has never happened is judged from the day backups were turned on.
	began := b.now
	if info, err := os.Stat(dirs.Config + "/recovery-kit-confirmed"); err == nil {
		began = info.ModTime()
	}
	age := func(t time.Time) time.Duration {
		if t.IsZero() {
			t = began
		}
		return b.now.Sub(t)
	}
	m := b.memory
	if age(m.Set.At) > setTooOld {
		b.problem("the newest set is %s old", rough(age(m.Set.At)))
	}
	if cfg.Streams() && age(m.WAL.Through) > walTooOld {
		b.problem("nothing was archived for %s", rough(age(m.WAL.Through)))
	}
	if cfg.Backup.Copy.Target != "" && age(m.Copy.At) > copyTooOld {
		b.problem("the second target was last up to date %s ago", rough(age(m.Copy.At)))
	}
	if cfg.Streams() && m.WAL.Open(m.Set.Start) {
		b.problem("WAL is missing from the archive (%s) and no set was taken since", m.WAL.Gap)
	}
	if len(m.Verify.Damaged) > 0 {
		b.problem("sets are damaged: %s", strings.Join(m.Verify.Damaged, ", "))
	}
	if !m.Drill.At.IsZero() && !m.Drill.Passed {
		b.problem("the drill of %s failed: %s", m.Drill.At.Local().Format(time.DateTime), m.Drill.Failures[0])
	} else if age(m.Drill.At) > drillTooOld {
		b.problem("the last drill was %s ago", rough(age(m.Drill.At)))
	}
}

// sentence is the state of the backups in one line.
func (b backupStatus) sentence() string {
	switch {
	case b.State == "off":
		return "There are NO BACKUPS: set backup.target"
	case b.State == "unconfirmed":
		return "Backups DO NOT RUN yet: bugspark backup kit, then confirm it"
	case b.Proven == nil:
		return "No backup is proven yet: bugspark backup drill"
	}
	s := fmt.Sprintf("Last proven backup: %s old", rough(b.now.Sub(*b.Proven)))
	if b.Through != nil {
		s += fmt.Sprintf("; everything up to %s ago is archived", rough(b.now.Sub(*b.Through)))
	} else if b.noWAL && b.Set != nil {
		s += fmt.Sprintf("; of your database everything since the newest set, %s ago, is in no set", rough(b.now.Sub(*b.Set)))
	}
	return s
}

// rough is a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// metrics is the state in Prometheus' text format.
func (b backupStatus) metrics() []byte {
	var out bytes.Buffer
	gauge := func(name, help string, value float64) {
		fmt.Fprintf(&out, "# HELP bugspark_backup_%[1]s %[2]s\n# TYPE bugspark_backup_%[1]s gauge\nbugspark_backup_%[1]s %[3]g\n", name, help, value)
	}
	since := func(name, help string, t time.Time) {
		if !t.IsZero() {
			gauge(name, help, float64(t.Unix()))
		}
	}
	m := b.memory
	if b.Proven != nil {
		since("proven_timestamp_seconds", "The moment that the last passed drill brought back.", *b.Proven)
	}
	since("set_timestamp_seconds", "When the newest set was taken.", m.Set.At)
	since("archived_timestamp_seconds", "Everything acknowledged before is in the archive.", m.WAL.Through)
	since("copy_timestamp_seconds", "When the second target was last up to date.", m.Copy.At)
	since("drill_timestamp_seconds", "When the last drill was held.", m.Drill.At)
	gauge("set_duration_seconds", "How long the newest set took.", m.Set.Seconds)
	gauge("drill_rpo_seconds", "Work that the last drill found lost, at most.", m.Drill.Lost)
	gauge("drill_rto_seconds", "How long the last drill took.", m.Drill.Took)
	gauge("spool_bytes", "WAL that waits for the target.", float64(m.WAL.Waiting))
	gauge("target_free_bytes", "Room on the target; -1 when it is away or does not tell.", float64(b.free))
	gauge("problems", "How many things are not as they should be.", float64(len(b.Problems)))
	return out.Bytes()
}
