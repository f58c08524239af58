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
	target   string
	key      string // of the sets
	identity string // of the archive; empty where nothing is read of it
	sources  backup.Sources
	own      *target.Target // where this machine writes to it
}

// vaultUse is what a command wants of a vault.
type vaultUse struct {
	create bool // take a set: sources are needed, and a repository is made if there is none
	claim  bool // the target, whose ever it was
	change bool // what is on the target
	asRoot bool // keep the rights; what a command writes to the target is then not the services'
	kit    *kit // instead of the credentials
	target string
	wait   bool // until other commands have finished
	look   bool // at what is there, beside other commands
}

// openVault reads the secrets and then, unless told otherwise, gives root up.
func openVault(env Env, use vaultUse) (*vault, error) {
	v := &vault{env: env, dirs: config.DirsFrom(env.Lookup), target: use.target}
	var err error
	if v.cfg, err = config.Load(v.dirs, env.Lookup); err != nil {
		return nil, err
	}
	v.log = newLog(env, v.cfg.Log)
	if v.target == "" {
		v.target = v.cfg.Backup.Target
	}
	if v.target == "" && use.kit != nil {
		v.target = use.kit.target
	}
	if v.target == "" {
		return nil, fault.New(fault.Usage, "set backup.target in "+v.dirs.File()+" to a directory, best on another machine, and run 'bugspark apply'", "there is no backup target")
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
		if err := claimTarget(v.dirs, v.target, true); err != nil {
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
	return &archive.Archive{Blobs: archive.Directory{Target: v.target}, Identity: identity, Recipient: identity.Recipient()}, nil
}

// state is the directory of what backups remember on this machine.
func (v *vault) state(name string) string { return filepath.Join(v.dirs.State, "backup", name) }

// alone makes sure that one command at a time uses the target. A busy one is an
// error, unless the command is one that should rather wait.
func (v *vault) alone(wait bool) (unlock func(), err error) {
	if err := os.MkdirAll(v.state(""), 0o755); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
	}
	busy := fault.New(fault.Failed, "wait until it has finished", "another backup, restore or verification is under way")
	_, job := v.env.Lookup("INVOCATION_ID") // systemd's jobs take turns
	for told := false; ; told = true {
		unlock, err := lockFile(v.state("lock"), busy)
		if !errors.Is(err, busy) || !(job || wait) {
			return unlock, err
		}
		if wait && !told {
			fmt.Fprintln(v.env.Stderr, "  waiting for another backup, restore or verification to finish")
		}
		time.Sleep(time.Second)
	}
}

func (v *vault) repositoryOptions() repository.Options {
	return repository.Options{Dir: filepath.Join(v.target, "sets"), Password: v.key, Cache: v.state("cache"), Log: v.log}
}

// withRepository opens the target's repository for work, alone: two writers at
// once would damage it. Who only looks disturbs nobody.
func withRepository(ctx context.Context, env Env, use vaultUse, work func(context.Context, *vault, *repository.Repository) error) error {
	v, err := openVault(env, use)
	if err != nil {
		return err
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
	if _, err := os.Stat(v.target); err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "mount the backup target, or correct backup.target", "the backup target is not there")
	}
	var err error
	o := v.repositoryOptions()
	if use.create || use.change {
		if v.own, err = ownTarget(v.dirs, v.target); err != nil {
			return nil, err
		}
		if err := v.own.Beat(); err != nil && !(use.change && errors.Is(err, syscall.ENOSPC)) {
			return nil, err
		}
	}
	if use.create {
		if err := rescue.Write(v.target, rescuePrograms); err != nil {
			return nil, fault.Wrap(fault.Preflight, err, "look whether the target is full or read-only", "preparing the backup target %s", v.target)
		}
	}
	r, err := repository.Open(ctx, o)
	if errors.Is(err, repository.ErrMissing) && use.create {
		if err := os.Mkdir(o.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fault.Wrap(fault.Preflight, err, "run 'bugspark apply', which gives the directory to the account "+backupAccount, "making a repository in the backup target")
		}
		if err = repository.Create(ctx, o); err == nil {
			r, err = repository.Open(ctx, o)
		}
	}
	if errors.Is(err, repository.ErrMissing) {
		return nil, fault.Wrap(fault.Failed, err, "bugspark backup create, or correct backup.target", "there are no sets in the backup target")
	}
	return r, err
}

// openSources is everything a set of this installation holds. The keys of the
// backups are not among it: a set that held its own key would look like a copy
// of it.
func (v *vault) openSources() error {
	cluster, err := openCluster(v.env)
	if err != nil {
		return err
	}
	objects, err := openObjects(v.env, v.cfg, v.dirs)
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	read := func(inside, path string) {
		data, reading := os.ReadFile(path)
		if reading == nil {
			files[inside] = data
		} else if !errors.Is(reading, fs.ErrNotExist) { // what setup did not make, nobody misses
			err = errors.Join(err, reading)
		}
	}
	read("bugspark.yaml", v.dirs.File())
	read("ca.pem", filepath.Join(v.dirs.Config, "ca.pem"))
	secrets := []string{"internal-ca-root-key"}
	for _, c := range config.Credentials() {
		if c.Name != "backup-key" && c.Name != "archive-identity" {
			secrets = append(secrets, c.Name)
		}
	}
	for _, name := range secrets {
		path := v.dirs.CredentialFile(name)
		if dir, ok := v.env.Lookup("CREDENTIALS_DIRECTORY"); ok && dir != "" {
			path = filepath.Join(dir, name)
		}
		read("credentials/"+name, path)
	}
	if err != nil {
		return fault.Wrap(fault.Failed, err, "run it as root", "reading the configuration")
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	v.sources = backup.Sources{Database: backup.Cluster{Cluster: cluster}, Objects: objects, Files: files, Version: Version, Host: host, Now: time.Now}
	return nil
}

// ownTarget is the backup target as this machine sees it.
func ownTarget(d config.Dirs, dir string) (*target.Target, error) {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading this machine's id: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	return &target.Target{Dir: dir, Memory: filepath.Join(d.State, "backup", "target.json"), Machine: strings.TrimSpace(string(id)), Host: host, Now: time.Now}, nil
}

// claimTarget makes an unowned target this machine's, or with force any, and
// leaves everything to the account of the backups.
func claimTarget(d config.Dirs, dir string, force bool) error {
	t, err := ownTarget(d, dir)
	if err != nil {
		return err
	}
	account, err := credential(backupAccount)
	if err != nil {
		return err
	}
	paths := []string{t.Memory}
	// One that is there is left alone: systemd gives what root has put into a
	// service's state directory to the service as long as root owns that too.
	state := filepath.Dir(t.Memory)
	if _, err := os.Stat(state); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(state, 0o755); err != nil {
			return fault.Wrap(fault.Preflight, err, "run it as root", "making the directory of the backups' state")
		}
		paths = append(paths, state)
	}
	take := t.Claim
	if force {
		take = t.Take
	}
	if err := take(); err != nil {
		return err
	}
	if account == nil {
		return nil
	}
	// All of the target: what a machine before this one has left there is its
	// account's, which may be anybody's here.
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	for _, path := range paths {
		err = errors.Join(err, os.Lchown(path, int(account.Uid), int(account.Gid)))
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "make it belong to the account "+backupAccount+" (on the file server, if root has no rights there)", "giving the backup target away")
	}
	return nil
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
