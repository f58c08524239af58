package target

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// ClaimOptions say how an endpoint is claimed, and for which account.
type ClaimOptions struct {
	Force   bool                // also a target of another machine
	Account *syscall.Credential // of the backups; nil is the account of this process
	Name    string              // of that account, for messages
}

// Claim makes the endpoint this machine's, and gives everything of it that is
// files here to the account of the backups.
func (e Endpoint) Claim(ctx context.Context, d config.Dirs, o ClaimOptions) error {
	s, err := e.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	if l, ok := s.(Locker); ok {
		if err := l.CheckLock(ctx); err != nil {
			return err
		}
	}
	t, err := e.Own(d, s)
	if err != nil {
		return err
	}
	// An existing directory keeps its owner: systemd gives a service's state
	// directory, and what root has put into it, to the service only while root owns
	// the directory.
	state := filepath.Dir(t.MarkFile)
	made := false
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(state, 0o755); err != nil {
			return fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
		}
		made = true
	}
	take := t.Claim
	if o.Force {
		take = t.Take
	}
	if err := take(ctx); err != nil {
		return err
	}
	if o.Account == nil {
		return nil
	}
	uid, gid := int(o.Account.Uid), int(o.Account.Gid)
	// The whole directory: files of a machine before this one belong to that
	// machine's account, whose number may be another account's here.
	if dir, ok := s.(Directory); ok {
		err = durable.ChownTree(string(dir), uid, gid)
	}
	for _, path := range []string{t.MarkFile, t.lockFile()} {
		// What is missing the account makes itself.
		if failed := durable.GiveFile(path, uid, gid); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	if made {
		err = errors.Join(err, durable.GiveDir(state, uid, gid))
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "make it belong to the account "+o.Name+" (on the file server, if root has no rights there)", "giving the backup target away")
	}
	return nil
}
