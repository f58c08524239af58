package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/alert"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

var unitName = regexp.MustCompile(`^[A-Za-z0-9@:_.-]+$`)

func newAlert(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "alert UNIT",
		Short:  "Tell people that a unit failed (a role of the service manager)",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !unitName.MatchString(args[0]) {
				return fault.New(fault.Usage, "bugspark alert UNIT", "%q is no unit", args[0])
			}
			parts, err := env.parts()
			if err != nil {
				return err
			}
			dirs, cfg := parts.Dirs, parts.Config
			t := &alert.Teller{Mail: cfg.Mail, Alert: cfg.Alert, StateDir: filepath.Join(dirs.State, "alert"), Now: time.Now}
			if cfg.Mail.Username != "" {
				if t.Password, err = config.ReadCredential(env.Lookup, dirs, "smtp-password"); err != nil {
					return err
				}
			}
			m := alert.Message{Unit: args[0], Server: cfg.Server.Name, At: time.Now(), Text: lastSaid(cmd, args[0])}
			if m.Host, err = os.Hostname(); err != nil {
				return err
			}
			news, err := t.Tell(cmd.Context(), m)
			if news {
				// The journal is the channel that every site has.
				parts.Log.Error("a unit failed", "unit", m.Unit, "said", m.Text)
			}
			return err
		},
	}
}

// lastSaid is what a unit said last, without times, so that the same failure
// reads the same.
func lastSaid(cmd *cobra.Command, unit string) string {
	out, err := exec.CommandContext(cmd.Context(), "journalctl", "--no-pager", "-q", "-o", "cat", "-n", "12", "_SYSTEMD_UNIT="+unit).Output()
	if err != nil {
		return fmt.Sprintf("(its journal cannot be read: %v)", err)
	}
	return strings.TrimSpace(string(out))
}
