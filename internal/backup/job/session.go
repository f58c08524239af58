package job

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// OpenOptions say which target a session uses, and what for. Without Create and Change
// it only reads the target, and can write nothing there.
type OpenOptions struct {
	Create   bool     // it takes a set: it reads the sources, and makes a repository where there is none
	Claim    bool     // it makes the target this machine's, also one of another machine
	Change   bool     // it deletes from the target
	Beside   bool     // it takes no lock, and reads beside other sessions
	KeepRoot bool     // it keeps root's rights
	Copy     bool     // it uses the second target
	Kit      *kit.Kit // its keys and targets, instead of this machine's
	Target   string   // another target than the configured one

	Wait    bool              // it waits for other sessions to end
	Waiting func(what string) // hears of that; may be nil
}

// Session is an open target with the keys of its backups.
type Session struct {
	Jobs            *Jobs
	Kit             *kit.Kit // that it was opened with, if any
	Endpoint        target.Endpoint
	Target          target.Store
	BackupKey       string // of the sets
	ArchiveIdentity string // of the archive; empty where this account may not read it
	Repository      *repository.Repository

	which   choice
	sources backup.Sources
	own     *target.Target  // of a session that writes
	guarded *target.Guarded // the target as such a session writes to it
	cache   string          // of a session with root's rights, for it alone
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
	s := &Session{Jobs: j, Kit: o.Kit}
	var err error
	if s.Endpoint, s.which, err = j.endpoint(o); err != nil {
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
	if o.KeepRoot {
		// The usual one is the account's, which could put there what root then follows.
		s.cache, err = os.MkdirTemp("", "bugspark-restore-")
	} else {
		err = j.StepDown()
	}
	if err != nil {
		return nil, err
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
func (j *Jobs) endpoint(o OpenOptions) (e target.Endpoint, which choice, err error) {
	b := j.Config.Backup
	first, second := b.Target, b.Copy.Target
	if o.Kit != nil {
		first, second = o.Kit.First.Target, o.Kit.Second.Target
	}
	which, err = chooseTarget(o, first, second, j.Dirs.File())
	switch {
	case err != nil:
	case which == named:
		e = target.Endpoint{BackupTarget: config.BackupTarget{Target: o.Target}}
	case o.Kit != nil && which == secondTarget:
		e = o.Kit.Second
	case o.Kit != nil:
		e = o.Kit.First
	default:
		e, err = target.EndpointOf(j.Lookup, j.Dirs, b, which == secondTarget)
	}
	return e, which, err
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
	if !o.Beside {
		if err := take(s.Jobs.Lock(ctx, o.Wait, o.Waiting)); err != nil {
			return err
		}
	}
	return s.openRepository(ctx, o)
}

func (s *Session) openRepository(ctx context.Context, o OpenOptions) error {
	if _, err := s.Target.Dir(ctx, ""); err != nil {
		return s.explainAway(err)
	}
	var err error
	if o.Create || o.Change {
		if err := checkLock(ctx, s.Target); err != nil {
			return err
		}
		if s.own, err = s.Endpoint.Own(s.Jobs.Dirs, s.Target); err != nil {
			return err
		}
		s.own.Waiting = o.Waiting
		s.guarded = s.own.Guard(s.Jobs.journaled(s.Endpoint, s.Target, false))
		// A prune is what makes room on a full target.
		if err := s.own.Renew(ctx); err != nil && !(o.Change && errors.Is(err, syscall.ENOSPC)) {
			return err
		}
	}
	if o.Create {
		if err := rescue.Write(ctx, s.Target, s.rescueDir()); err != nil {
			return fault.Wrap(fault.Preflight, err, "bugspark status tells of the room on the target; it may be full or read-only", "preparing the backup target %s", s.Target)
		}
	}
	options := s.repositoryOptions()
	s.Repository, err = s.open(ctx, options)
	if errors.Is(err, repository.ErrMissing) && o.Create {
		if err = repository.Create(ctx, options); err == nil {
			s.Repository, err = s.open(ctx, options)
		}
	}
	return err
}

// ownerHost is the machine whose backups are on the target, for people.
func (s *Session) ownerHost(ctx context.Context) string {
	host, err := target.Host(ctx, s.Target)
	if err != nil || host == "" {
		return "another machine"
	}
	return host
}

func (s *Session) repositoryOptions() repository.Options {
	cache := s.cache
	if cache == "" {
		cache = history.File(s.Jobs.Dirs, "cache")
	}
	return repository.Options{Target: s.store(), Password: s.BackupKey, Cache: cache, Log: s.Jobs.Log}
}

// store is the target as the session's engines use it.
func (s *Session) store() target.Store {
	if s.guarded == nil {
		return target.ReadOnly{Store: s.Target}
	}
	return s.guarded
}

// lost is err, or its cause when another machine has taken the target over: the engine
// of the sets loses the causes of its errors.
func (s *Session) lost(err error) error {
	if err != nil && s.guarded != nil && s.guarded.Lost() != nil {
		return s.guarded.Lost()
	}
	return err
}

// Close ends the session and releases its locks. Nothing that was saved depends
// on it.
func (s *Session) Close() {
	if s.Repository != nil {
		if err := s.Repository.Close(context.Background()); err != nil {
			s.Jobs.Log.Warn("closing the backup target", "error", err)
		}
	}
	if s.cache != "" {
		if err := os.RemoveAll(s.cache); err != nil {
			s.Jobs.Log.Warn("removing the cache", "error", err)
		}
	}
	for i := len(s.unlock) - 1; i >= 0; i-- {
		s.unlock[i]()
	}
	if err := s.Target.Close(); err != nil {
		s.Jobs.Log.Warn("closing the backup target", "error", err)
	}
}
