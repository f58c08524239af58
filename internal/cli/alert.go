package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/alert"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

var unitName = regexp.MustCompile(`^[A-Za-z0-9@:_.-]+$`)

func newAlert(env Env) *cobra.Command {
	var review bool
	c := &cobra.Command{
		Use:   "alert {UNIT | --review}",
		Short: "Tell people that a unit failed (a role of the service manager)",
		Long: `Alert UNIT tells people that a unit failed, once: at once when that is new, every
day while it lasts. Alert --review looks whether the problems that people were
told of last, tells them of those that are over, and tries deliveries again
that failed.`,
		Hidden: true,
		Args:   cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case review == (len(args) == 1):
				return fault.New(fault.Usage, "bugspark alert bugspark-backup.service", "give either a unit or --review")
			case !review && !unitName.MatchString(args[0]):
				return fault.New(fault.Usage, "bugspark alert bugspark-backup.service", "%q is no unit", args[0])
			}
			n, err := newNotifier(env)
			if err != nil {
				return err
			}
			if review {
				return n.Review(cmd.Context())
			}
			return n.Notify(cmd.Context(), args[0])
		},
	}
	c.Flags().BoolVar(&review, "review", false, "look after the problems that are known")
	return c
}

func newNotifier(env Env) (*alert.Notifier, error) {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return nil, err
	}
	n := &alert.Notifier{
		Dir: filepath.Join(dirs.State, "alert"), Units: alert.Systemd{}, Server: cfg.Server.Name,
		Log: newLog(env, cfg.Log), Now: time.Now,
	}
	if cfg.Backup.Target != "" {
		n.BackupProblems = filepath.Join(dirs.State, "backup", "problems.json")
	}
	if n.Host, err = os.Hostname(); err != nil {
		return nil, err
	}
	password := func() (string, error) { return config.ReadCredential(env.Lookup, dirs, "smtp-password") }
	// The journal gets every alert, whatever log.level keeps out of it.
	n.Channels, err = alert.Channels(newLog(env, config.Log{Level: "info"}), cfg.Alert, cfg.Mail, password)
	return n, err
}
