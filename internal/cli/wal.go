package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

func newWAL(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:    "wal",
		Short:  "Keep the WAL between two sets (roles of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
	}
	var socket string
	fetch := &cobra.Command{
		Use:   "fetch --socket SOCKET NAME PATH",
		Short: "Get one WAL file for a server in recovery",
		Long: `Fetch is the restore_command of a recovery. Exit status 1 says that there is no
such file, which is how recovery ends; 255 stops the recovery.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			err := archive.Fetch(cmd.Context(), socket, args[0], args[1])
			switch {
			case errors.Is(err, archive.ErrMissing):
				return &exitStatus{1}
			case err != nil:
				complain(env.Stderr, err)
				return &exitStatus{255} // anything up to 125 would end the recovery as if the WAL did
			}
			return nil
		},
	}
	fetch.Flags().StringVar(&socket, "socket", "", "`socket` of the restore")
	c.AddCommand(fetch,
		&cobra.Command{
			Use: "receive", Short: "Receive WAL into the spool as it is written", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return receiveWAL(cmd.Context(), env) },
		},
		&cobra.Command{
			Use: "ship", Short: "Bring WAL and new pictures to the backup target", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return shipWAL(cmd.Context(), env) },
		})
	return c
}

func spoolDir(d config.Dirs) string { return filepath.Join(d.State, "backup", "spool") }

func receiveWAL(ctx context.Context, env Env) error {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return err
	}
	up, err := upstream(env, dirs, cfg)
	if err != nil {
		return err
	}
	r := &pgcluster.Receiver{
		Upstream: up, Spool: spoolDir(dirs), Limit: int64(cfg.Backup.SpoolMiB) << 20, Log: newLog(env, cfg.Log),
		Wanted: func(why string) error { return wantSet(dirs, why) },
	}
	return r.Run(ctx)
}

// wantSet asks for a set at once, through the path unit that watches the file.
func wantSet(d config.Dirs, why string) error {
	err := renameio.WriteFile(filepath.Join(d.State, "backup", setWanted), []byte(why+"\n"), 0o644)
	if err != nil {
		return fmt.Errorf("asking for a new set: %w", err)
	}
	return nil
}

// Rounds of the shipper: while all is well, and at most after failures.
const (
	shipEvery = 2 * time.Second
	shipRest  = 30 * time.Second
	newView   = 2 * time.Minute
	askAgain  = 10 * time.Minute // for a set that was wanted and did not come
)

func shipWAL(ctx context.Context, env Env) error {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return err
	}
	text, err := config.ReadCredential(env.Lookup, dirs, "archive-recipient")
	if err != nil {
		return err
	}
	recipient, err := age.ParseX25519Recipient(text)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "remove the file and run 'bugspark apply', which derives it again", "the credential archive-recipient cannot be used")
	}
	objects, err := openObjects(env, cfg, dirs)
	if err != nil {
		return err
	}
	source, err := walSource(env, dirs, cfg)
	if err != nil {
		return err
	}
	defer source.Close()
	place, err := ownPlace(env, dirs, cfg.Backup, false)
	if err != nil {
		return err
	}
	store, err := place.open()
	if err != nil {
		return err
	}
	defer store.Close()
	own, err := place.own(dirs, store)
	if err != nil {
		return err
	}
	s := &shipping{dirs: dirs, source: source, target: own, shipper: archive.Shipper{
		Archive: &archive.Archive{Target: target.Reserved{Store: store, Bytes: target.Reserve}, Recipient: recipient},
		Source:  source, Objects: objects, Now: time.Now, Log: newLog(env, cfg.Log),
	}}
	return s.run(ctx)
}

// shipping is the shipper's life between rounds.
type shipping struct {
	dirs    config.Dirs
	source  *backup.Source
	target  *target.Target
	shipper archive.Shipper
	failed  string    // the failure that the journal has heard of
	since   time.Time // of the first of a row of failures
}

func (s *shipping) memory() string { return filepath.Join(s.dirs.State, "backup", walMemory) }

func (s *shipping) run(ctx context.Context) error {
	data, err := os.ReadFile(s.memory())
	if err == nil {
		err = json.Unmarshal(data, &s.shipper.State)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.shipper.Log.Warn("starting without a memory of what was shipped", "error", err)
	}
	wait := shipEvery
	for {
		err := s.round(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			if s.failed != "" {
				s.shipper.Log.Info("WAL reaches the backup target again", "lsn", s.shipper.State.Shipped)
			}
			s.failed, wait, s.since = "", shipEvery, time.Time{}
		case !s.since.IsZero() && time.Since(s.since) > newView:
			// A mount that was made after the start of this service is not in its view of
			// the file system; a new start has a new view.
			return fault.Wrap(fault.Failed, err, "mount the backup target, or make room on it", "starting again, since WAL does not reach the backup target")
		default:
			if s.since.IsZero() {
				s.since = time.Now()
			}
			wait = min(2*wait, shipRest)
			if err.Error() != s.failed {
				s.failed = err.Error()
				s.shipper.Log.Warn("WAL does not reach the backup target; it waits in the spool", "error", err, "spool_bytes", s.shipper.State.Waiting)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func (s *shipping) round(ctx context.Context) error {
	// The cluster may have been replaced by a restored one.
	system, err := s.source.System(ctx)
	if err == nil && system != s.shipper.System {
		s.shipper.System, s.shipper.Spool = system, filepath.Join(spoolDir(s.dirs), system)
	}
	if s.shipper.System == "" {
		return err
	}
	if _, err := os.Stat(s.shipper.Spool); errors.Is(err, fs.ErrNotExist) {
		return nil // nothing was received yet
	}
	if err := s.target.Beat(ctx); err != nil {
		return err
	}
	gap := s.shipper.State.Gap
	err = s.shipper.Round(ctx)
	if s.shipper.State.Gap != gap && s.unhealed() {
		err = errors.Join(err, wantSet(s.dirs, "WAL is missing from the archive: "+s.shipper.State.Gap))
	}
	return errors.Join(err, s.save(), s.remind())
}

// unhealed tells whether no set has closed the newest hole yet.
func (s *shipping) unhealed() bool {
	m, err := readMemory(s.dirs)
	return err != nil || s.shipper.State.Open(m.Set.Start)
}

func (s *shipping) save() error {
	data, err := json.MarshalIndent(s.shipper.State, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(s.memory(), append(data, '\n'), 0o644, renameio.WithStaticPermissions(0o644)); err != nil {
		return fmt.Errorf("remembering what was shipped: %w", err)
	}
	return nil
}

// remind asks again for a set that was wanted and did not come, perhaps because
// the target was away.
func (s *shipping) remind() error {
	path := filepath.Join(s.dirs.State, "backup", setWanted)
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < askAgain {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, data, 0o644)
}
