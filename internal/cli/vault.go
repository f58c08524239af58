package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/google/renameio/v2"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// rescuePrograms is where the package has kopia and age.
const rescuePrograms = "/usr/lib/bugspark/rescue"

// vault is the backups of this machine: where they are and what opens them.
type vault struct {
	env      Env
	dirs     config.Dirs
	cfg      config.Config
	log      *slog.Logger
	place    place
	target   target.Store
	key      string // of the sets
	identity string // of the archive; empty where nothing is read of it
	sources  backup.Sources
	own      *target.Target // where this machine writes to it
}

// vaultUse is what a command wants of a vault.
type vaultUse struct {
	create bool   // take a set: sources are needed, and a repository is made if there is none
	claim  bool   // the target, whose ever it was
	change bool   // what is on the target
	asRoot bool   // keep the rights; what a command writes to the target is then not the services'
	kit    *kit   // instead of the credentials
	target string // another than the usual
	second bool   // the copy of the target
	wait   bool   // until other commands have finished
	look   bool   // at what is there, beside other commands
}

// openVault reads the secrets and then, unless told otherwise, gives root up.
func openVault(ctx context.Context, env Env, use vaultUse) (*vault, error) {
	v := &vault{env: env, dirs: config.DirsFrom(env.Lookup)}
	var err error
	if v.cfg, err = config.Load(v.dirs, env.Lookup); err != nil {
		return nil, err
	}
	v.log = newLog(env, v.cfg.Log)
	if v.place, err = v.choosePlace(use); err != nil {
		return nil, err
	}
	if v.target, err = v.place.open(); err != nil {
		return nil, err
	}
	if use.kit != nil {
		v.key, v.identity = use.kit.key, use.kit.identity
	} else if err := v.readKeys(); err != nil {
		return nil, err
	}
	if use.create {
		if err := v.openSources(); err != nil {
			return nil, err
		}
	}
	if use.claim {
		if err := v.place.claim(ctx, v.dirs, true); err != nil {
			return nil, err
		}
	}
	if !use.asRoot {
		if err := stepDown(backupAccount); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// choosePlace finds the target that is meant, and what opens it.
func (v *vault) choosePlace(use vaultUse) (place, error) {
	b := v.cfg.Backup
	known := func(second bool) (place, error) { return ownPlace(v.env, v.dirs, b, second) }
	first, second := b.BackupTarget, b.Copy.BackupTarget
	if use.kit != nil {
		known = func(second bool) (place, error) {
			if second {
				return use.kit.second, nil
			}
			return use.kit.first, nil
		}
		first, second = use.kit.first.BackupTarget, use.kit.second.BackupTarget
	}
	switch {
	case use.second && second.Target == "":
		return place{}, fault.New(fault.Usage, "set backup.copy.target in "+v.dirs.File()+" and run 'bugspark apply'", "there is no second backup target")
	case use.second || (use.target != "" && use.target == second.Target):
		return known(true)
	case use.target == "" && first.Target == "":
		return place{}, fault.New(fault.Usage, "set backup.target in "+v.dirs.File()+", best to a place on another machine, and run 'bugspark apply'", "there is no backup target")
	case use.target == "" || use.target == first.Target:
		return known(false)
	case strings.Contains(use.target, "://"):
		return place{}, fault.New(fault.Usage, "name one that stands there, or copy it into a directory and name that", "the keys of the target %s are neither in the configuration nor in the kit", use.target)
	}
	return place{BackupTarget: config.BackupTarget{Target: use.target}}, nil
}

func (v *vault) readKeys() error {
	var err error
	if v.key, err = config.ReadCredential(v.env.Lookup, v.dirs, "backup-key"); err != nil || v.key == "" {
		return fault.Wrap(fault.Failed, err, "run it as root; 'bugspark apply' makes a key where there is none, or put the one of your recovery kit there", "there is no backup key")
	}
	v.identity, err = config.ReadCredential(v.env.Lookup, v.dirs, "archive-identity")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a unit that does not read the archive
	}
	return err
}

// archive is the archive to read and write.
func (v *vault) archive() (*archive.Archive, error) {
	identity, err := age.ParseX25519Identity(v.identity)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "put the one of your recovery kit into "+v.dirs.CredentialFile("archive-identity"), "the archive's identity cannot be used")
	}
	return &archive.Archive{Target: v.target, Identity: identity, Recipient: identity.Recipient()}, nil
}

// state is the directory of what backups remember on this machine.
func (v *vault) state(name string) string { return filepath.Join(v.dirs.State, "backup", name) }

// alone makes sure that one command at a time uses the target. A busy one is an
// error, unless the command is one that should rather wait.
func (v *vault) alone(wait bool) (unlock func(), err error) {
	return v.hold("lock", "another backup, restore or verification", wait)
}

// aloneWithCopy keeps the second target from being copied to while the first lets
// go of what is being copied. A first copy may take days, and sets must not wait
// for it, so it has a lock of its own.
func (v *vault) aloneWithCopy(wait bool) (unlock func(), err error) {
	return v.hold("copy.lock", "a copy onto the second target, or a prune,", wait)
}

func (v *vault) hold(file, who string, wait bool) (unlock func(), err error) {
	if err := os.MkdirAll(v.state(""), 0o755); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
	}
	busy := fault.New(fault.Failed, "wait until it has finished", "%s is under way", who)
	_, job := v.env.Lookup("INVOCATION_ID") // systemd's jobs take turns
	for told := false; ; told = true {
		unlock, err := lockFile(v.state(file), busy)
		if !errors.Is(err, busy) || !(job || wait) {
			return unlock, err
		}
		if wait && !told {
			fmt.Fprintf(v.env.Stderr, "  waiting for %s to finish\n", who)
		}
		time.Sleep(time.Second)
	}
}

func (v *vault) repositoryOptions() repository.Options {
	return repository.Options{Target: v.target, Password: v.key, Cache: v.state("cache"), Log: v.log}
}

// withRepository opens the target's repository for work, alone: two writers at
// once would damage it. Who only looks disturbs nobody.
func withRepository(ctx context.Context, env Env, use vaultUse, work func(context.Context, *vault, *repository.Repository) error) error {
	v, err := openVault(ctx, env, use)
	if err != nil {
		return err
	}
	defer v.target.Close()
	if use.change { // first, or sets would wait for the copy with it
		unlock, err := v.aloneWithCopy(use.wait)
		if err != nil {
			return err
		}
		defer unlock()
	}
	if !use.look {
		unlock, err := v.alone(use.wait)
		if err != nil {
			return err
		}
		defer unlock()
	}
	r, err := v.open(ctx, use)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx))
	return work(ctx, v, r)
}

func (v *vault) open(ctx context.Context, use vaultUse) (*repository.Repository, error) {
	if _, err := v.target.Dir(ctx, ""); err != nil {
		return nil, v.place.explain(err)
	}
	var err error
	o := v.repositoryOptions()
	if use.create || use.change {
		if v.own, err = v.place.own(v.dirs, v.target); err != nil {
			return nil, err
		}
		if err := v.own.Beat(ctx); err != nil && !(use.change && errors.Is(err, syscall.ENOSPC)) {
			return nil, err
		}
	}
	if use.create {
		if err := rescue.Write(ctx, v.target, rescuePrograms); err != nil {
			return nil, fault.Wrap(fault.Preflight, err, "look whether the target is full or read-only", "preparing the backup target %s", v.target)
		}
	}
	r, err := repository.Open(ctx, o)
	if errors.Is(err, repository.ErrMissing) && use.create {
		if err = repository.Create(ctx, o); err == nil {
			r, err = repository.Open(ctx, o)
		}
	}
	if errors.Is(err, repository.ErrMissing) {
		return nil, fault.Wrap(fault.Failed, err, "bugspark backup create, or correct backup.target", "there are no sets in the backup target")
	}
	return r, err
}

// openSources is everything a set of this installation holds.
func (v *vault) openSources() error {
	database, err := v.database()
	if err != nil {
		return err
	}
	objects, err := openObjects(v.env, v.cfg, v.dirs)
	if err != nil {
		return err
	}
	files, err := v.configFiles()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	v.sources = backup.Sources{Database: database, Objects: objects, Files: files, Version: Version, Host: host, Now: time.Now}
	return nil
}

// database is ours or the customer's.
func (v *vault) database() (backup.Database, error) {
	if v.cfg.Database.Mode == "external" {
		return ownForeign(v.env, v.dirs, v.cfg)
	}
	cluster, err := openCluster(v.env)
	return backup.Cluster{Cluster: cluster}, err
}

// remember writes a small file of the backups' state, readable by everybody.
func (v *vault) remember(name string, what any) error {
	data, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(v.state(name), append(data, '\n'), 0o644, renameio.WithStaticPermissions(0o644)); err != nil {
		return fmt.Errorf("remembering the state of the backups: %w", err)
	}
	return nil
}

// adopted is the place as it is this machine's from a restore on: the first, and
// only one.
func (v *vault) adopted() place {
	p := v.place
	p.copy = false
	return p
}
