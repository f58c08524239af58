// Package repository keeps backup sets on a target: encrypted, deduplicated,
// compressed, each set there whole or not at all.
//
// The engine is kopia, and this package is the only one that knows: its Go
// interface moves, while its format on disk is steady and can be read without
// us by the kopia command of the same version.
package repository

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/kopia/kopia/repo"
	"github.com/kopia/kopia/repo/format"
	"github.com/kopia/kopia/snapshot"

	"github.com/bugspark/bugspark/internal/backup/target"

	"github.com/bugspark/bugspark/internal/fault"
)

// Options say where a repository is and what opens it.
type Options struct {
	Target   target.Store // a target.ReadOnly is never written to
	Password string       // the whole repository is encrypted with what derives from it
	// Cache is a directory for this host's connection to the target; it can be
	// removed at any time, and must be empty for an honest proof.
	Cache string
	Log   *slog.Logger
}

// What kopia calls the source of a snapshot. One name for every host, so that
// sets of a machine that burned down are found by the one that replaces it.
const (
	sourceUser = "bugspark"
	sourceHost = "bugspark"
	sourcePath = "/set"
)

func source() snapshot.SourceInfo {
	return snapshot.SourceInfo{Host: sourceHost, UserName: sourceUser, Path: sourcePath}
}

// Errors that callers tell apart.
var (
	ErrMissing = errors.New("there is no repository")
	ErrExists  = errors.New("there is a repository already")
	ErrKey     = errors.New("the key does not open the repository")
	ErrNoSet   = errors.New("there is no such set")
)

// Repository is an open repository. One process at a time may write to it; the
// caller holds a lock.
type Repository struct {
	o     Options
	rep   repo.DirectRepository
	fatal chan error
}

// Create makes an empty repository on a target, which must be there: a directory
// that is not may be a mount that failed, and the disk below it no place for
// backups.
func Create(ctx context.Context, o Options) error {
	if _, err := o.Target.Dir(ctx, ""); err != nil {
		return fault.Wrap(fault.Preflight, errors.Join(err, ErrMissing), "mount it, or if it never held backups make it: mkdir -p "+o.Target.String(), "the backup target %s", o.Target)
	}
	// On processors of today BLAKE3 takes a third of the time of kopia's default,
	// and a first set a sixth less.
	err := repo.Initialize(ctx, newFiles(o.Target), &repo.NewRepositoryOptions{BlockFormat: format.ContentFormat{Hash: "BLAKE3-256-128"}}, o.Password)
	if errors.Is(err, repo.ErrAlreadyInitialized) {
		return fmt.Errorf("%s: %w", o.Target, ErrExists)
	}
	if err != nil {
		return fmt.Errorf("making a repository in %s: %w", o.Target, err)
	}
	return nil
}

// Open opens the repository of a target.
func Open(ctx context.Context, o Options) (*Repository, error) {
	if err := os.MkdirAll(o.Cache, 0o700); err != nil {
		return nil, fmt.Errorf("making the cache: %w", err)
	}
	if _, err := o.Target.Dir(ctx, ""); err != nil {
		return nil, fault.Wrap(fault.Failed, errors.Join(err, ErrMissing), "mount the backup target, or correct backup.target", "opening the backup target %s", o.Target)
	}
	// kopia asks for it as well, but first writes how it would lay out a repository, into
	// whatever directory it was told.
	if _, err := o.Target.Stat(ctx, formatFile); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", o.Target, ErrMissing)
	} else if err != nil {
		return nil, fmt.Errorf("looking for a repository in %s: %w", o.Target, err)
	}
	connection := filepath.Join(o.Cache, "connection.json")
	ctx = context.WithValue(ctx, targetKey{}, o.Target)
	err := repo.Connect(ctx, connection, newFiles(o.Target), o.Password, &repo.ConnectOptions{
		ClientOptions: repo.ClientOptions{Hostname: sourceHost, Username: sourceUser},
		// No cache of contents: beside a directory it wrote everything that was read
		// to the disk once more, and a restore took more than twice the time.
	})
	switch {
	case errors.Is(err, repo.ErrRepositoryNotInitialized):
		return nil, fmt.Errorf("%s: %w", o.Target, ErrMissing)
	case errors.Is(err, repo.ErrInvalidPassword):
		return nil, fault.Wrap(fault.Failed, ErrKey, "take the key from the recovery kit of the server that made these backups", "opening the backup target %s", o.Target)
	case err != nil:
		return nil, explainIndex(ctx, o.Target, fmt.Errorf("connecting to the backup target %s: %w", o.Target, err))
	}
	r := &Repository{o: o, fatal: make(chan error, 1)}
	opened, err := repo.Open(ctx, connection, o.Password, &repo.Options{
		DisableRepositoryLog: true,
		// By default kopia ends the process.
		OnFatalError: func(err error) {
			select {
			case r.fatal <- err:
			default:
			}
		},
	})
	if err != nil {
		return nil, explainIndex(ctx, o.Target, fmt.Errorf("opening the backup target %s: %w", o.Target, err))
	}
	direct, ok := opened.(repo.DirectRepository)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is served by a kopia server, not a target of ours", o.Target), opened.Close(ctx))
	}
	r.rep = direct
	return r, nil
}

// Close ends the use of the repository; nothing that was saved depends on it.
func (r *Repository) Close(ctx context.Context) error {
	if err := r.rep.Close(ctx); err != nil {
		return fmt.Errorf("closing the repository: %w", err)
	}
	return nil
}

// failed adds what kopia would have ended the process for.
func (r *Repository) failed(err error) error {
	select {
	case fatal := <-r.fatal:
		return errors.Join(err, fatal)
	default:
		return err
	}
}
