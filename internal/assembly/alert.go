package assembly

import (
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/alert"
	"github.com/bugspark/bugspark/internal/backup/health"
)

// Notifier tells people of problems.
func (p *Parts) Notifier() (*alert.Notifier, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	n := &alert.Notifier{
		Dir: filepath.Join(p.Dirs.State, "alert"), Units: alert.Systemd{}, Server: p.Config.Server.Name, Host: host,
		Log: p.Log, Now: time.Now,
	}
	if p.Config.Backup.Target != "" { // otherwise the check does not run
		n.BackupProblems = health.ProblemsFile(p.Dirs)
	}
	password := func() (string, error) { return p.credential("smtp-password") }
	token := func() (string, error) { return p.credential("webhook-token") }
	n.Channels, err = alert.Channels(p.recordLog(), p.Config.Alert, p.Config.Mail, password, token)
	return n, err
}
