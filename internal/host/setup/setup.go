// Package setup makes a machine right: it checks before it touches, plans what
// would change, and converges. Every step may be interrupted and repeated.
package setup

import (
	"context"
	"fmt"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// Change is one thing that apply would do, in words an administrator can act on.
type Change struct {
	What   string `json:"what"`   // the file, unit or secret
	Action string `json:"action"` // create, write, restart, start, enable, disable
	Detail string `json:"detail,omitempty"`
}

func (c Change) String() string {
	s := c.Action + " " + c.What
	if c.Detail != "" {
		s += " (" + c.Detail + ")"
	}
	return s
}

// Authority makes the internal CA's files; the proxy's room provides it.
type Authority func(name string, now time.Time) (AuthorityFiles, error)

// AuthorityFiles are the PEM files of a new internal CA.
type AuthorityFiles struct {
	RootCertificate []byte // for clients, readable by all
	Bundle          []byte // the proxy's credential: intermediate key and chain
}

// Site is one installation on one machine or in one directory: everything that
// setup needs to know and may touch.
type Site struct {
	Dirs      config.Dirs
	Config    config.Config
	Authority Authority
	// AuthorityFits tells whether the internal CA of a bundle may still sign for a name.
	AuthorityFits func(bundle []byte, name string, now time.Time) (bool, error)
	Now           func() time.Time
	// Claim makes a backup target that nobody owns this machine's, and Names lists
	// what lies on it; the room of the backups provides both. section is "backup" or
	// "backup.copy".
	Claim func(ctx context.Context, section string) error
	Names func(ctx context.Context, section string) ([]string, error)
	// Completed is bugspark.yaml with what apply writes into it; nil: nothing.
	Completed []byte
	// Source is the text of Config where that is not bugspark.yaml as it stands: a restore
	// leaves an edit alone that nobody has applied.
	Source []byte
	// OtherData makes what is known of the backups count for nothing: from now on other data
	// is in use than they hold. Nil where there are none.
	OtherData func() error
	// Populated tells whether a customer's database holds an account, as that of every
	// finished installation does. Nil where nobody can ask.
	Populated func(context.Context) (bool, error)
	// DropSlot ends what the database server of a database.mode keeps for the backups.
	DropSlot func(ctx context.Context, mode string) error
	// SlotBoundStale tells whether the disk has another size than the running database
	// server of ours was told.
	SlotBoundStale func(context.Context) (bool, error)
}

// RootCertificate is the path of the internal CA's root, for clients.
func (s *Site) RootCertificate() string { return s.Dirs.Config + "/ca.pem" }

// PlanFiles lists the files and secrets that ApplyFiles would make.
func (s *Site) PlanFiles() ([]Change, error) {
	var out []Change
	for _, f := range s.files() {
		missing, err := f.missing()
		if err != nil {
			return nil, err
		}
		if missing {
			out = append(out, Change{What: f.path, Action: "create", Detail: f.detail})
		}
	}
	return out, nil
}

// ApplyFiles makes the directories, secrets and the internal CA that are
// missing. Existing files are rewritten only where they are of no use any more.
func (s *Site) ApplyFiles(ctx context.Context) error {
	if err := s.makeDirs(); err != nil {
		return err
	}
	for _, f := range s.files() {
		if err := ctx.Err(); err != nil {
			return err
		}
		missing, err := f.missing()
		if err != nil {
			return err
		}
		if !missing {
			continue
		}
		if err := f.make(); err != nil {
			return fmt.Errorf("making %s: %w", f.path, err)
		}
	}
	return nil
}
