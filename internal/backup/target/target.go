// Package target tells whether the directory that keeps the backups is there,
// and whose it is. A mount that failed leaves an empty directory, and the copy
// of a virtual machine believes that it is the original; both must not write.
package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"github.com/google/uuid"

	"github.com/bugspark/bugspark/internal/fault"
)

// OwnerFile is the file of a target that says whose it is.
const OwnerFile = "owner.json"

// Errors that callers tell apart.
var (
	ErrAway    = errors.New("it has no " + OwnerFile + "; is its mount missing?")
	ErrForeign = errors.New("it belongs to another machine")
)

// Target is a target as one machine sees it.
type Target struct {
	Dir     string
	Memory  string // file of this machine with its last marks
	Machine string // machine id
	Host    string
	Now     func() time.Time
}

// owner is what OwnerFile says.
type owner struct {
	Machine string    `json:"machine_id"`
	Host    string    `json:"host"`
	Since   time.Time `json:"since"`
	// Mark changes with every beat. Who does not know it is not who wrote here
	// last, even with the same machine id.
	Mark string `json:"mark"`
}

// memory is what a machine remembers: the mark it is about to write before it
// does, so that no interruption makes it a stranger to itself.
type memory struct {
	Marks []string  `json:"marks"`
	At    time.Time `json:"at"`
}

// beatEvery is how often the mark changes.
const beatEvery = time.Minute

func (t *Target) path() string { return filepath.Join(t.Dir, OwnerFile) }

func (t *Target) read() (owner, error) {
	var o owner
	data, err := os.ReadFile(t.path())
	if errors.Is(err, fs.ErrNotExist) {
		return o, fault.Wrap(fault.Preflight, ErrAway, "mount it; if it is a new and empty directory: bugspark backup create --claim", "the backup target %s cannot be used", t.Dir)
	}
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil {
		return o, fault.Wrap(fault.Preflight, err, "look at "+t.path(), "reading whose the backup target is")
	}
	return o, nil
}

func (t *Target) remembered() (memory, error) {
	var m memory
	data, err := os.ReadFile(t.Memory)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		return m, fmt.Errorf("reading what this machine knows of its backup target: %w", err)
	}
	return m, nil
}

// Check fails unless the target is there and this machine's.
func (t *Target) Check() error {
	_, _, err := t.check()
	return err
}

func (t *Target) check() (owner, memory, error) {
	o, err := t.read()
	if err != nil {
		return o, memory{}, err
	}
	m, err := t.remembered()
	if err != nil {
		return o, m, err
	}
	const next = "choose another directory for this machine; or, if the other one is gone for good: bugspark backup create --claim"
	if o.Machine != t.Machine {
		return o, m, fault.Wrap(fault.Preflight, ErrForeign, next, "the backup target %s is that of %s since %s", t.Dir, o.Host, o.Since.Local().Format(time.DateTime))
	}
	// Without any memory this is the owner, reinstalled.
	if o.Mark != "" && len(m.Marks) > 0 && !slices.Contains(m.Marks, o.Mark) {
		return o, m, fault.Wrap(fault.Preflight, ErrForeign, next, "a copy of this machine, or the original of which this is a copy, has written to the backup target %s", t.Dir)
	}
	return o, m, nil
}

// Claim takes a target that nobody owns, and refuses one of another machine.
func (t *Target) Claim() error {
	if err := t.Check(); !errors.Is(err, ErrAway) {
		return err
	}
	return t.Take()
}

// Take makes the target this machine's, whose ever it was.
func (t *Target) Take() error {
	if _, err := os.Stat(t.Dir); err != nil {
		return fault.Wrap(fault.Preflight, err, "mount or make it: mkdir -p "+t.Dir, "the backup target is not there")
	}
	return t.mark(owner{Machine: t.Machine, Host: t.Host, Since: t.Now().UTC()}, memory{})
}

// Beat is Check, and leaves a new mark when the last one is a minute old.
func (t *Target) Beat() error {
	o, m, err := t.check()
	if err != nil {
		return err
	}
	if age := t.Now().Sub(m.At); age >= 0 && age < beatEvery && len(m.Marks) > 0 {
		return nil
	}
	return t.mark(o, m)
}

func (t *Target) mark(o owner, m memory) error {
	before := o.Mark
	o.Mark = uuid.NewString()
	m.Marks, m.At = []string{o.Mark}, t.Now()
	if before != "" {
		m.Marks = append(m.Marks, before)
	}
	// First, so that an interruption between the two leaves a mark it knows.
	if err := write(t.Memory, m); err != nil {
		return fmt.Errorf("remembering the mark of the backup target: %w", err)
	}
	if err := write(t.path(), o); err != nil {
		return fault.Wrap(fault.Preflight, err, "look whether the target is full or read-only; 'bugspark apply' gives it to the right account", "writing whose the backup target is")
	}
	return nil
}

func write(path string, what any) error {
	data, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(path, append(data, '\n'), 0o644, renameio.WithStaticPermissions(0o644))
}
