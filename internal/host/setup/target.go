package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// backupAccount owns what the backups write.
const backupAccount = "bugspark-backup"

// CheckTarget refuses a backup target that is not there or holds something of
// somebody else's. One that was applied before is not looked at: a mount that
// is away today must not keep an administrator from applying the rest.
func (s *Site) CheckTarget() error {
	target := s.Config.Backup.Target
	if known, err := s.knownTarget(); known || err != nil {
		return err
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Preflight, "mount or make it: mkdir -p "+target, "the backup target %s is not there", target)
	case err != nil:
		return fault.Wrap(fault.Preflight, err, "", "looking at the backup target")
	case !info.IsDir():
		return fault.New(fault.Preflight, "name a directory in backup.target", "the backup target %s is no directory", target)
	}
	_, err = ours(target)
	return err
}

// knownTarget tells whether the target was applied before.
func (s *Site) knownTarget() (bool, error) {
	before, err := ReadApplied(s.Dirs)
	if err != nil {
		return false, err
	}
	old, err := config.Parse("the configuration applied before", []byte(before.Config), func(string) (string, bool) { return "", false })
	return err == nil && old.Backup.Target == s.Config.Backup.Target, nil
}

// ours tells whether a directory holds nothing but backups of ours, or nothing.
func ours(target string) (bool, error) {
	entries, err := os.ReadDir(target)
	if err != nil {
		return false, fault.Wrap(fault.Preflight, err, "", "looking at the backup target")
	}
	for _, e := range entries {
		switch e.Name() {
		case "sets", "archive", "owner.json", "RESTORE.txt", "rescue", "ballast", "lost+found", ".snapshot":
		default:
			return false, fault.New(fault.Preflight, "name a directory of its own in backup.target", "the backup target %s holds something that is not ours: %s", target, e.Name())
		}
	}
	return true, nil
}

// targetStep gives the target to the account of the backups where it has another
// owner: root, who made the directory, or the account of a machine before this.
func (s *Site) targetStep() (*step, error) {
	target := s.Config.Backup.Target
	if target == "" {
		return nil, nil
	}
	account, err := user.Lookup(backupAccount)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil, nil // not installed from a package
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the account %s: %w", backupAccount, err)
	}
	uid, err := strconv.Atoi(account.Uid)
	gid, err2 := strconv.Atoi(account.Gid)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("reading the account %s: %w", backupAccount, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return nil, nil //nolint:nilerr // away: the jobs say so, and the next apply looks again
	}
	known, err := s.knownTarget()
	if err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(target, "owner.json"))
	claimed := err == nil
	if known && !claimed {
		return nil, nil // a mount is missing, and the directory below it is no target
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || (int(st.Uid) == uid && claimed) {
		return nil, nil
	}
	if _, err := ours(target); err != nil {
		return nil, err
	}
	return &step{Change{What: target, Action: "give", Detail: "to the account " + backupAccount}, func(context.Context) error {
		if err := s.Claim(target); err != nil {
			return err
		}
		err := filepath.WalkDir(target, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, uid, gid))
		})
		if err := errors.Join(err, os.Chmod(target, 0o700)); err != nil {
			return fault.Wrap(fault.Failed, err, "make it belong to the account "+backupAccount+" (on the file server, if root has no rights there)", "giving the backup target away")
		}
		return nil
	}}, nil
}
