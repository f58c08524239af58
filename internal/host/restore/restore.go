// Package restore brings a machine back to what its backups hold: to the newest
// state, to a moment, or to one set; on the machine that runs, or on a new one.
//
// Prepare proves everything that can be proven before anything is touched. Run
// makes the restored data ready beside the live data first; what was live stays
// until Confirm gives it up, and Undo brings it back.
package restore

import (
	"context"
	"fmt"
	"syscall"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
	"github.com/bugspark/bugspark/internal/host/preflight"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/objectstore"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// Request is what somebody wants back.
type Request struct {
	backup.RestoreRequest
	Logical bool // from the newest logical copy, whatever came after it
	FromKit bool // with the keys of a recovery kit
	DryRun  bool
	// SetConfig are settings of a new machine that differ from those of the set, each as
	// KEY=VALUE.
	SetConfig []string
	// Agree hears of a new machine what it becomes, before anything is read or reached that
	// the set names; an error ends the restore. nil agrees.
	Agree func(*Plan) error
}

// Machine is this machine with one configuration: that of today, or on a new
// machine that of the set.
type Machine interface {
	exchange.Units
	Checks(context.Context) []preflight.Check
	// MakeFiles makes the secrets and directories that are missing.
	MakeFiles(context.Context) error
	// Apply converges the whole machine and starts its backups.
	Apply(context.Context) error
	Healthy(context.Context) error
	Objects() (objectstore.Store, error)
	Cluster() (*pgcluster.Cluster, error)
	// RootCertificate is the file of the internal CA's root.
	RootCertificate() string
	Close()
}

// Units are the names of the units that a restore starts and stops itself.
type Units struct {
	Database []string // the server
	Users    []string // the server and what uses it, in the order of their start, then the sockets that would start them
	Storage  []string // what the object store of ours needs, in the order of their start
	// Writers use a customer's database, in the order of their start, with the
	// sockets that would start them again.
	Writers []string
}

// Reporter hears how far a restore is.
type Reporter interface {
	Step(what string)
	Progress(backup.Progress)
}

// Restorer restores one installation.
type Restorer struct {
	Dirs    config.Dirs
	Lookup  config.LookupEnv
	Jobs    *job.Jobs
	Session *job.Session // of the target; Undo and Confirm need none
	Units   Units
	Open    func(context.Context, config.Config) (Machine, error)
	Tables  []string // of ours, in a database that may hold others
	// Scratch begins a process with the rights of an account that runs a server on
	// restored data; own is a new directory of this process.
	Scratch  func(ctx context.Context, place scratch.Place, as *syscall.Credential, own string) (*scratch.Client, error)
	Reporter Reporter
}

// Plan is a restore that can be made.
type Plan struct {
	Point      backup.RestorePoint
	Config     config.Config // of the machine afterwards
	NewMachine bool
	Database   Disposition
	Bytes      int64 // that will be written
	Free       int64 // where they are written; 0 where nothing is

	r           *Restorer
	archive     *archive.Archive
	machine     Machine
	destination destination
	files       map[string][]byte // configuration and secrets of the set
	moved       []string          // settings that name another place than in the set
	missing     []string          // pictures that no backup has
	found       []byte            // the configuration that was found here
}

// Disposition is what a restore does with the database that it finds.
type Disposition string

// The dispositions.
const (
	Exchange Disposition = "exchange" // our own: the data directory is exchanged
	Create   Disposition = "create"   // our own: a new one is loaded from a logical copy
	Load     Disposition = "load"     // the customer's, and empty
	Replace  Disposition = "replace"  // the customer's: our tables there are replaced
	Keep     Disposition = "keep"     // the customer's: it has outlived the old machine
)

// destination is a kind of place that a database is restored into.
type destination interface {
	// prepare proves that the restore can be made.
	prepare(ctx context.Context, q Request) error
	// run brings back the database, and before any row can be read the pictures.
	run(ctx context.Context, out *Result) error
}

// Close ends the connection to the service manager.
func (p *Plan) Close() { p.machine.Close() }

// Prepare finds what to restore and proves that it can be done. Nothing is
// touched but what an earlier restore left behind.
func (r *Restorer) Prepare(ctx context.Context, q Request) (*Plan, error) {
	if err := preflight.RequireRoot(); err != nil {
		return nil, err
	}
	p := &Plan{r: r}
	var err error
	if p.archive, err = r.Session.Archive(ctx); err != nil {
		return nil, err
	}
	repository := r.Session.Repository
	if q.Logical {
		p.Point, err = backup.ChooseLogicalCopy(ctx, repository)
	} else if err = r.awaitArchive(ctx, &q); err == nil {
		p.Point, err = backup.Choose(ctx, repository, p.archive, q.RestoreRequest)
	}
	if err != nil {
		return nil, err
	}
	if p.files, err = backup.ConfigFiles(ctx, repository, p.Point.Set); err != nil {
		return nil, err
	}
	if err := p.chooseConfig(q); err != nil {
		return nil, err
	}
	if !p.NewMachine && q.FromKit {
		if err := r.ownKit(); err != nil {
			return nil, err
		}
	}
	if err := p.sameArchive(); err != nil {
		return nil, err
	}
	if q.Logical && !p.NewMachine {
		return nil, fault.New(fault.Preflight, "bugspark restore --set "+backup.Latest, "--logical is for a machine on which nothing is set up")
	}
	if err := p.open(ctx, q); err != nil {
		return nil, err
	}
	if err := p.prepare(ctx, q); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *Plan) prepare(ctx context.Context, q Request) error {
	if _, err := preflight.Run(ctx, p.checks(ctx)); err != nil {
		return err
	}
	var err error
	if p.destination, err = p.chooseDestination(q); err != nil {
		return err
	}
	return p.destination.prepare(ctx, q)
}

// chooseConfig takes the configuration of this machine, or on a new one that of
// the set. A restore of a new machine that was interrupted begins again.
func (p *Plan) chooseConfig(q Request) error {
	existing, err := setup.Existing(p.r.Dirs)
	if err != nil {
		return err
	}
	applied, err := setup.ReadApplied(p.r.Dirs)
	if err != nil {
		return err
	}
	p.found = existing
	p.NewMachine = isNew(existing != nil, applied.Finished, q.FromKit)
	if !p.NewMachine {
		p.Config = p.r.Jobs.Config
		return nil
	}
	p.Config, err = p.newConfig(q.SetConfig)
	return err
}

// isNew tells whether nothing is set up here: there is no configuration, or one
// that an interrupted restore from a kit has left.
func isNew(configured, finished, fromKit bool) bool {
	return !configured || (!finished && fromKit)
}

// checks are those of setup, but for what comes with the set, and for what only
// the backups need, which must not keep anybody from restoring.
func (p *Plan) checks(ctx context.Context) []preflight.Check {
	return preflight.Without(p.machine.Checks(ctx), unneeded(p.NewMachine, p.bringsCertificate())...)
}

func unneeded(newMachine, bringsCertificate bool) []preflight.Subject {
	out := []preflight.Subject{preflight.Replication, preflight.Services}
	if newMachine {
		out = append(out, preflight.Secrets, preflight.BackupTarget, preflight.Unfinished)
		if bringsCertificate {
			out = append(out, preflight.Certificate)
		}
	}
	return out
}

// chooseDestination is by the kind of the database, which must be that of the
// set, and by what is taken of the set.
func (p *Plan) chooseDestination(q Request) (destination, error) {
	customers := p.Config.Database.Mode != "managed"
	switch {
	case p.Point.Document.OfCustomer() != customers:
		return nil, p.otherMode()
	case customers:
		return &customer{plan: p, logical: q.Logical}, nil
	case q.Logical:
		return &logical{plan: p}, nil
	}
	return &managed{plan: p}, nil
}

// otherMode refuses a set from before a change of database.mode, and names the way
// back: the data of the mode before is still where it was, and is exchanged there.
func (p *Plan) otherMode() error {
	then := "managed"
	if p.Point.Document.OfCustomer() {
		then = "external"
	}
	return fault.New(fault.Preflight,
		fmt.Sprintf("bugspark restore --set %s --into DIR, to look into it; or set database.mode to %s in %s, then: bugspark apply --start-empty && bugspark restore --set %s", p.Point.Set, then, p.r.Dirs.File(), p.Point.Set),
		"set %s is of the time when database.mode was %s, and it is %s now", p.Point.Set, then, p.Config.Database.Mode)
}

// what comes back, for people.
func (p *Plan) what() string { return Describe(p.Point) }

// step tells that something begins.
func (p *Plan) step(what string) { p.r.Reporter.Step(what) }
