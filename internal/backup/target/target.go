// Package target is where backups are kept: a directory, a bucket or an SFTP
// server. It tells whether a target is there, and which machine owns it: a mount that
// failed leaves an empty directory, and the copy of a virtual machine has the name and
// the machine id of the original. Neither may be written to.
package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

// OwnerFile is the file of a target that says whose it is.
const OwnerFile = "owner.json"

// Errors that callers tell apart.
var (
	ErrAway           = errors.New("it has no " + OwnerFile + "; is its mount missing?")
	ErrOwnedElsewhere = errors.New("it belongs to another machine")
	ErrBeside         = errors.New("the data needs the rest of its disk")
)

// Target is a target as one machine sees it.
type Target struct {
	Store
	MarkFile string // of this machine, with its last marks
	Machine  string // machine id
	Host     string
	Now      func() time.Time
	Copy     bool // the second target

	Waiting  func(what string) // hears what is waited for; may be nil
	Patience time.Duration     // with another process that notes whose it is; zero: longestMark
}

// longestMark is how long another process may take to note whose the target is, which is
// one small file, on a target that may be slow.
const longestMark = 5 * time.Minute

// instead is what to do where no mount is missing.
func (t *Target) instead() string {
	if t.Copy {
		return "or name another, empty place in backup.copy.target and run 'bugspark apply'"
	}
	return "if it is new and empty: bugspark backup create --claim"
}

// owner is what OwnerFile says.
type owner struct {
	Machine string    `json:"machine_id"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
	// Mark changes with every renewal. A machine that does not know it is not the one
	// that wrote last, even with the same machine id.
	Mark string `json:"mark"`
}

// marks is what a machine remembers. It remembers a mark before it writes it to the
// target, so that it knows its own mark after any interruption, and more than the last,
// because a write that was given up may reach a target later.
type marks struct {
	Marks []string  `json:"marks"` // newest first
	At    time.Time `json:"at"`
}

const (
	// renewInterval is how often the mark changes.
	renewInterval = time.Minute
	// marksKept is how many marks a machine remembers, and so for how many minutes a
	// write may be on its way.
	marksKept = 16
)

func (t *Target) read(ctx context.Context) (owner, error) {
	var o owner
	data, err := ReadFile(ctx, t.Store, OwnerFile)
	if errors.Is(err, fs.ErrNotExist) {
		return o, fault.Wrap(fault.Preflight, ErrAway, "mount it; "+t.instead(), "the backup target %s cannot be used", t)
	}
	if err == nil {
		o, err = parseOwner(data)
	}
	if err != nil {
		return owner{}, fault.Wrap(fault.Preflight, err, "look at "+OwnerFile+" in "+t.String(), "reading whose the backup target is")
	}
	return o, nil
}

// parseOwner reads what is shown to people, and was written by whoever can write to the
// target.
func parseOwner(data []byte) (owner, error) {
	var o owner
	if err := json.Unmarshal(data, &o); err != nil {
		return owner{}, err
	}
	for _, text := range []string{o.Machine, o.Host, o.Mark} {
		if len(text) > longestElement || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return owner{}, errors.New("it holds what no machine is named")
		}
	}
	return o, nil
}

// Host is the name of the machine that a target belongs to.
func Host(ctx context.Context, s Store) (string, error) {
	o, err := (&Target{Store: s}).read(ctx)
	return o.Host, err
}

// ReadFile reads a small file of a target.
func ReadFile(ctx context.Context, s Store, name string) ([]byte, error) {
	body, err := s.Open(ctx, name, 0, -1)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(body, 1<<20))
	return data, errors.Join(err, body.Close())
}

func (t *Target) remembered() (marks, error) {
	var m marks
	if _, err := durable.ReadJSON(t.MarkFile, &m); err != nil {
		return m, fmt.Errorf("reading what this machine knows of its backup target: %w", err)
	}
	return m, nil
}

// Check fails unless the target is there and this machine's.
func (t *Target) Check(ctx context.Context) error {
	_, _, err := t.check(ctx)
	return err
}

func (t *Target) check(ctx context.Context) (owner, marks, error) {
	o, err := t.read(ctx)
	if err != nil {
		return o, marks{}, err
	}
	m, err := t.remembered()
	if err != nil {
		return o, m, err
	}
	next := "choose another target for this machine"
	if !t.Copy {
		next += "; or, if the other one is gone for good: bugspark backup create --claim"
	}
	if o.Machine != t.Machine {
		return o, m, fault.Wrap(fault.Preflight, ErrOwnedElsewhere, next, "the backup target %s is that of %s since %s", t, o.Host, o.Since.Local().Format(time.DateTime))
	}
	// A machine that remembers nothing is the owner, installed anew.
	if o.Mark != "" && len(m.Marks) > 0 && !slices.Contains(m.Marks, o.Mark) {
		return o, m, fault.Wrap(fault.Preflight, ErrOwnedElsewhere, next, "a copy of this machine, or the original of which this is a copy, has written to the backup target %s", t)
	}
	return o, m, nil
}

// Claim takes a target that nobody owns, and refuses one of another machine.
func (t *Target) Claim(ctx context.Context) error {
	if err := t.Check(ctx); !errors.Is(err, ErrAway) {
		return err
	}
	return t.Take(ctx)
}

// Take makes the target this machine's, also one of another machine.
func (t *Target) Take(ctx context.Context) error {
	if _, err := t.Store.Dir(ctx, ""); err != nil {
		return fault.Wrap(fault.Preflight, err, "mount it, or if it never held backups make it: mkdir -p "+t.String(), "the backup target %s is not there", t)
	}
	unlock, err := t.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := t.remembered()
	if err != nil {
		m = marks{} // what cannot be read is of no use to the next either
	}
	return t.mark(ctx, owner{Machine: t.Machine, Host: t.Host, Since: t.Now().UTC()}, m)
}

// lockFile keeps the programs of this machine from changing the mark at once: one would
// write its mark to the target, and the other make the machine forget that mark.
func (t *Target) lockFile() string { return t.MarkFile + ".lock" }

func (t *Target) lock(ctx context.Context) (unlock func(), err error) {
	unlock, err = durable.TryLock(t.lockFile())
	if errors.Is(err, durable.ErrLocked) {
		longest := t.Patience
		if longest == 0 {
			longest = longestMark
		}
		if t.Waiting != nil {
			t.Waiting(fmt.Sprintf("another process that notes whose the backup target is, since %s and for at most %s,", t.Now().Local().Format(time.TimeOnly), quantity.Duration(longest)))
		}
		unlock, err = durable.LockWithin(ctx, t.lockFile(), longest)
	}
	return unlock, held(err, "renewing the mark of the backup target")
}

// held names the way out where another process does not let go of a lock.
func held(err error, doing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, durable.ErrLocked):
		return fault.Wrap(fault.Failed, err, "systemctl list-units 'bugspark*' names what runs; stop what has run for that long, run the same command again, and then 'bugspark apply'", "%s", doing)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Renew is Check, and writes a new mark when the last one is a minute old.
func (t *Target) Renew(ctx context.Context) error {
	unlock, err := t.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	o, m, err := t.check(ctx)
	if err != nil {
		return err
	}
	if age := t.Now().Sub(m.At); age >= 0 && age < renewInterval && len(m.Marks) > 0 {
		return nil
	}
	return t.mark(ctx, o, m)
}

func (t *Target) mark(ctx context.Context, o owner, m marks) error {
	known := m.Marks
	if o.Mark != "" && !slices.Contains(known, o.Mark) {
		known = append([]string{o.Mark}, known...) // of a machine that remembers nothing
	}
	o.Mark = uuid.NewString()
	m.Marks, m.At = append([]string{o.Mark}, known...), t.Now()
	m.Marks = m.Marks[:min(len(m.Marks), marksKept)]
	// First, so that an interruption between the two leaves a mark it knows.
	if err := durable.WriteJSON(t.MarkFile, m, 0o644); err != nil {
		return fmt.Errorf("remembering the mark of the backup target: %w", err)
	}
	data, err := json.MarshalIndent(o, "", "  ")
	if err == nil {
		err = t.Put(ctx, OwnerFile, bytes.NewReader(append(data, '\n')), time.Time{})
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "look whether the target is full or read-only; 'bugspark apply' gives a directory to the right account", "writing whose the backup target is")
	}
	return nil
}
