package setup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.yaml.in/yaml/v3"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/account"
)

// NameTarget returns a configuration that names a backup target: the local one
// where nothing is said. A target that is there and empty says that there are to be
// no backups.
func NameTarget(dirs config.Dirs, data []byte, env config.LookupEnv) ([]byte, config.Config, error) {
	cfg, err := config.Parse(dirs.File(), data, env)
	if err != nil || dirs.Backups == "" || cfg.Backup.Target != "" {
		return data, cfg, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, cfg, fault.Wrap(fault.Usage, err, "bugspark config sample shows how each setting is written", "%s", dirs.File())
	}
	if len(doc.Content) > 0 {
		if section := child(doc.Content[0], FirstTarget); section != nil && child(section, "target") != nil {
			return data, cfg, nil
		}
	}
	if data, err = SetValue(data, FirstTarget, "target", dirs.Backups); err != nil {
		return nil, cfg, err
	}
	cfg, err = config.Parse(dirs.File(), data, env)
	return data, cfg, err
}

// toMake tells whether a target is the local one and not there yet.
func (s *Site) toMake(p place) bool {
	if p.Target != s.Dirs.Backups || p.Target == "" {
		return false
	}
	_, err := os.Lstat(p.Target)
	return errors.Is(err, fs.ErrNotExist)
}

func (s *Site) makeLocal(p place) *step {
	return &step{Change{What: p.Target, Action: "make", Detail: "for backups on this machine, for the account " + account.Backup}, func(ctx context.Context) error {
		if err := makePrivate(p.Target); err != nil {
			return fault.Wrap(fault.Failed, err, "correct that, or set backup.target to another place", "making the backup target %s", p.Target)
		}
		return s.give(p)(ctx)
	}}
}

// makePrivate makes a directory for root alone, and the one above it where the
// distribution has none. Nobody but root may be able to exchange what leads to it.
func makePrivate(path string) error {
	parent := filepath.Dir(path)
	if err := os.Mkdir(parent, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	resolved, err := filepath.EvalSymlinks(parent)
	if err != nil {
		return err
	}
	for _, chain := range []string{parent, resolved} {
		for dir := chain; ; dir = filepath.Dir(dir) {
			if err := rootsOwn(dir); err != nil {
				return err
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return os.Mkdir(path, 0o700)
}

// rootsOwn wants a directory, or a link, in which only root exchanges what is root's.
func rootsOwn(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	open := info.Mode()&fs.ModeSymlink == 0 && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0
	if !ok || int(st.Uid) != os.Geteuid() && st.Uid != 0 || open {
		return fault.New(fault.Preflight, "set backup.target to a directory below which only root can change anything", "another account than root can change %s", path)
	}
	return nil
}
