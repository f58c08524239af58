package assembly

import (
	"os"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/alert"
	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/kit"
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
	confirmed, err := kit.Confirmed(p.Dirs)
	if err != nil {
		return nil, err
	}
	if p.Config.Backup.Target != "" && confirmed { // otherwise the check does not run
		n.BackupProblems = health.ProblemsFile(p.Dirs)
	}
	password := func() (string, error) { return p.credential("smtp-password") }
	n.Channels, err = alert.Channels(p.recordLog(), p.Config.Alert, p.Config.Mail, password)
	return n, err
}
