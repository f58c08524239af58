package job

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// rescuePrograms is where the package has kopia and age.
const rescuePrograms = "/usr/lib/bugspark/rescue"

// OpenOptions say which target a session uses, and what for.
type OpenOptions struct {
	Create   bool     // it takes a set: it reads the sources, and makes a repository where there is none
	Claim    bool     // it makes the target this machine's, also one of another machine
	Change   bool     // it deletes from the target
	ReadOnly bool     // it only reads, beside other sessions
	KeepRoot bool     // it keeps root's rights; what it writes to the target then belongs to root
	Copy     bool     // it uses the second target
	Kit      *kit.Kit // its keys and targets, instead of this machine's
	Target   string   // another target than the configured one

	Wait    bool              // it waits for other sessions to end
	Waiting func(what string) // hears of that; may be nil
}

// Session is an open target with the keys of its backups.
type Session struct {
	Jobs            *Jobs
	Endpoint        target.Endpoint
	Target          target.Store
	BackupKey       string // of the sets
	ArchiveIdentity string // of the archive; empty where this account may not read it
	Repository      *repository.Repository

	sources backup.Sources
	own     *target.Target // of a session that writes
	unlock  []func()
}

// Open reads the secrets, gives root's rights up unless told otherwise, takes the
// locks and opens the repository. Two writers at once would damage it; a session
// that only reads disturbs nobody.
func (j *Jobs) Open(ctx context.Context, o OpenOptions) (*Session, error) {
	s, err := j.connect(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.begin(ctx, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// connect is Open without locks and repository.
func (j *Jobs) connect(ctx context.Context, o OpenOptions) (*Session, error) {
	s := &Session{Jobs: j}
	var err error
	if s.Endpoint, err = j.endpoint(o); err != nil {
		return nil, err
	}
	if s.Target, err = s.Endpoint.Open(); err != nil {
		return nil, err
	}
	if o.Kit != nil {
		s.BackupKey, s.ArchiveIdentity = o.Kit.BackupKey, o.Kit.ArchiveIdentity
	} else if s.BackupKey, s.ArchiveIdentity, err = kit.Keys(j.Lookup, j.Dirs); err != nil {
		return nil, err
	}
	if o.Create {
		if s.sources, err = j.sources(); err != nil {
			return nil, err
		}
	}
	if o.Claim {
		if err := j.Claim(ctx, s.Endpoint, true); err != nil {
			return nil, err
		}
	}
	if !o.KeepRoot {
		if err := j.StepDown(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Claim makes a target this machine's; with force also one of another machine.
func (j *Jobs) Claim(ctx context.Context, e target.Endpoint, force bool) error {
	account, err := j.Account()
	if err != nil {
		return err
	}
	return e.Claim(ctx, j.Dirs, target.ClaimOptions{Force: force, Account: account, Name: j.Name})
}

// endpoint reads the secrets of the target that the options mean.
func (j *Jobs) endpoint(o OpenOptions) (target.Endpoint, error) {
	b := j.Config.Backup
	first, second := b.Target, b.Copy.Target
	if o.Kit != nil {
		first, second = o.Kit.First.Target, o.Kit.Second.Target
	}
	which, err := chooseTarget(o, first, second, j.Dirs.File())
	switch {
	case err != nil:
		return target.Endpoint{}, err
	case which == named:
		return target.Endpoint{BackupTarget: config.BackupTarget{Target: o.Target}}, nil
	case o.Kit != nil && which == secondTarget:
		return o.Kit.Second, nil
	case o.Kit != nil:
		return o.Kit.First, nil
	}
	return target.EndpointOf(j.Lookup, j.Dirs, b, which == secondTarget)
}

// choice is which target a session uses.
type choice int

const (
	firstTarget  choice = iota
	secondTarget        // the copy
	named               // a directory that needs no keys
)

// chooseTarget decides which target the options mean, of those that the
// configuration or the kit names.
func chooseTarget(o OpenOptions, first, second, file string) (choice, error) {
	switch {
	case o.Copy && second == "":
		return 0, fault.New(fault.Usage, "set backup.copy.target in "+file+" and run 'bugspark apply'", "there is no second backup target")
	case o.Copy || (o.Target != "" && o.Target == second):
		return secondTarget, nil
	case o.Target == "" && first == "":
		return 0, fault.New(fault.Usage, "set backup.target in "+file+", best to a place on another machine, and run 'bugspark apply'", "there is no backup target")
	case o.Target == "" || o.Target == first:
		return firstTarget, nil
	case strings.Contains(o.Target, "://"):
		return 0, fault.New(fault.Usage, "name one that stands there, or copy it into a directory and name that", "the keys of the target %s are neither in the configuration nor in the kit", o.Target)
	}
	return named, nil
}

func (j *Jobs) sources() (backup.Sources, error) {
	var s backup.Sources
	var err error
	if s.Database, err = j.database(); err != nil {
		return s, err
	}
	if s.Objects, err = j.Objects(); err != nil {
		return s, err
	}
	if s.Files, err = j.configFiles(); err != nil {
		return s, err
	}
	s.Version, s.Now = j.Version, time.Now
	s.Host, err = os.Hostname()
	return s, err
}

func (s *Session) begin(ctx context.Context, o OpenOptions) error {
	take := func(unlock func(), err error) error {
		if err == nil {
			s.unlock = append(s.unlock, unlock)
		}
		return err
	}
	if o.Change { // first: sets would wait for the copy if they waited for this session
		if err := take(s.Jobs.lockCopy(ctx, o.Wait, o.Waiting)); err != nil {
			return err
		}
	}
	if !o.ReadOnly {
		if err := take(s.Jobs.Lock(ctx, o.Wait, o.Waiting)); err != nil {
			return err
		}
	}
	return s.openRepository(ctx, o)
}

func (s *Session) openRepository(ctx context.Context, o OpenOptions) error {
	if _, err := s.Target.Dir(ctx, ""); err != nil {
		return s.Endpoint.Explain(err)
	}
	var err error
	if o.Create || o.Change {
		if s.own, err = s.Endpoint.Own(s.Jobs.Dirs, s.Target); err != nil {
			return err
		}
		// A prune is what makes room on a full target.
		if err := s.own.Renew(ctx); err != nil && !(o.Change && errors.Is(err, syscall.ENOSPC)) {
			return err
		}
	}
	if o.Create {
		if err := rescue.Write(ctx, s.Target, rescuePrograms); err != nil {
			return fault.Wrap(fault.Preflight, err, "look whether the target is full or read-only", "preparing the backup target %s", s.Target)
		}
	}
	options := s.repositoryOptions()
	s.Repository, err = repository.Open(ctx, options)
	if errors.Is(err, repository.ErrMissing) && o.Create {
		if err = repository.Create(ctx, options); err == nil {
			s.Repository, err = repository.Open(ctx, options)
		}
	}
	if errors.Is(err, repository.ErrMissing) {
		return fault.Wrap(fault.Failed, err, "bugspark backup create, or correct backup.target", "there are no sets in the backup target")
	}
	return err
}

func (s *Session) repositoryOptions() repository.Options {
	return repository.Options{Target: s.Target, Password: s.BackupKey, Cache: history.File(s.Jobs.Dirs, "cache"), Log: s.Jobs.Log}
}

// Archive is the archive of the target, to read and to write.
func (s *Session) Archive() (*archive.Archive, error) {
	identity, err := age.ParseX25519Identity(s.ArchiveIdentity)
	if err != nil {
		return nil, fault.Wrap(fault.Failed, err, "put the one of your recovery kit into "+s.Jobs.Dirs.CredentialFile("archive-identity"), "the archive's identity cannot be used")
	}
	return &archive.Archive{Target: s.Target, Identity: identity, Recipient: identity.Recipient()}, nil
}

// Close ends the session and releases its locks. Nothing that was saved depends
// on it.
func (s *Session) Close() {
	if s.Repository != nil {
		if err := s.Repository.Close(context.Background()); err != nil {
			s.Jobs.Log.Warn("closing the backup target", "error", err)
		}
	}
	for i := len(s.unlock) - 1; i >= 0; i-- {
		s.unlock[i]()
	}
	if err := s.Target.Close(); err != nil {
		s.Jobs.Log.Warn("closing the backup target", "error", err)
	}
}
