package setup

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
)

// FirstTarget and SecondTarget are the sections of the targets' settings.
const (
	FirstTarget  = "backup"
	SecondTarget = "backup.copy"
)

// place is a target by the section of its settings.
type place struct {
	config.BackupTarget
	section string
}

func places(c config.Config) []place {
	var out []place
	for _, p := range []place{{c.Backup.BackupTarget, FirstTarget}, {c.Backup.Copy.BackupTarget, SecondTarget}} {
		if p.Target != "" {
			out = append(out, p)
		}
	}
	return out
}

// CheckTarget refuses a backup target that is not there or holds something of
// somebody else's. One that was applied before is not looked at: a mount that
// is away today must not keep an administrator from applying the rest.
func (s *Site) CheckTarget(ctx context.Context) error {
	for _, p := range places(s.Config) {
		if known, err := s.known(p); err != nil {
			return err
		} else if known || s.toMake(p) {
			continue
		}
		if err := s.ours(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// known tells whether a target was applied before.
func (s *Site) known(p place) (bool, error) {
	old, ok, err := s.before()
	if err != nil || !ok {
		return false, err
	}
	for _, o := range places(old) {
		if o == p {
			return true, nil
		}
	}
	return false, nil
}

// before is the configuration that was applied last; not ok when none was, or one
// of another version of ours.
func (s *Site) before() (old config.Config, ok bool, err error) {
	applied, err := ReadApplied(s.Dirs)
	if err != nil {
		return old, false, err
	}
	old, err = config.Parse("the configuration applied before", []byte(applied.Config), func(string) (string, bool) { return "", false })
	return old, err == nil, nil //nolint:nilerr // said by ok
}

// ours refuses a target that holds anything but backups of ours, or nothing.
func (s *Site) ours(ctx context.Context, p place) error {
	names, err := s.Names(ctx, p.section)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(ofBackups(), name) && name != "lost+found" && name != ".snapshot" {
			return fault.New(fault.Preflight, "give it a place of its own in "+p.section+".target", "the backup target %s holds something that is not ours: %s", p.Target, name)
		}
	}
	return nil
}

// targetSteps make targets this machine's that are new to it. A directory is
// given to the account of the backups where it has another owner: root, who made
// it, or the account of a machine before this.
func (s *Site) targetSteps(ctx context.Context) ([]step, error) {
	var out []step
	for _, p := range places(s.Config) {
		l, err := p.Locate()
		if err != nil {
			return nil, err
		}
		var one *step
		if l.Kind == "directory" {
			one, err = s.giveDirectory(ctx, p)
		} else {
			one, err = s.claim(ctx, p)
		}
		if err != nil {
			return nil, err
		}
		if one != nil {
			out = append(out, *one)
		}
	}
	return out, nil
}

func (s *Site) claim(ctx context.Context, p place) (*step, error) {
	if known, err := s.known(p); known || err != nil {
		return nil, err
	}
	if err := s.ours(ctx, p); err != nil {
		return nil, err
	}
	return &step{Change{What: p.Target, Action: "claim", Detail: "for the backups of this machine"}, func(ctx context.Context) error {
		return s.Claim(ctx, p.section)
	}}, nil
}

func (s *Site) giveDirectory(ctx context.Context, p place) (*step, error) {
	backups, err := account.Lookup(account.Backup)
	if err != nil || backups == nil { // not installed from a package
		return nil, err
	}
	info, err := os.Stat(p.Target)
	if known, unsure := s.known(p); unsure != nil {
		return nil, unsure
	} else if !known && s.toMake(p) {
		return s.makeLocal(p), nil
	}
	if err != nil {
		return nil, nil //nolint:nilerr // away: the jobs say so, and the next apply looks again
	}
	known, err := s.known(p)
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(p.Target, "owner.json"))
	claimed := err == nil
	if known && !claimed {
		return nil, nil // a mount is missing, and the directory below it is no target
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || (st.Uid == backups.Uid && claimed && !strays(p.Target, backups.Uid)) {
		return nil, nil
	}
	if err := s.ours(ctx, p); err != nil {
		return nil, err
	}
	return &step{Change{What: p.Target, Action: "give", Detail: "to the account " + account.Backup}, s.give(p)}, nil
}

// ofBackups are the names on a target that are the backups'.
func ofBackups() []string {
	return []string{"sets", "archive", "owner.json", "RESTORE.txt", "rescue", "ballast"}
}

// strays tells whether something of the backups belongs to another account, which the
// jobs could not use: older versions let a restore write to the target as root.
func strays(dir string, uid uint32) bool {
	return slices.ContainsFunc(ofBackups(), func(name string) bool {
		info, err := os.Lstat(filepath.Join(dir, name))
		if err != nil {
			return false
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		return ok && st.Uid != uid
	})
}

func (s *Site) give(p place) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := s.Claim(ctx, p.section); err != nil { // which gives it to the account
			return err
		}
		if err := os.Chmod(p.Target, 0o700); err != nil {
			return fault.Wrap(fault.Failed, err, "chmod 0700 "+p.Target+" (on the file server, if root has no rights there)", "closing the backup target to others")
		}
		return nil
	}
}
