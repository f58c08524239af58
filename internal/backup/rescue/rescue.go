// Package rescue puts on a backup target what it takes to read it without us:
// the instructions, and the programs that no distribution has.
package rescue

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

//go:embed RESTORE.txt
var instructions []byte

// Names on the target.
const (
	Instructions = "RESTORE.txt"
	Programs     = "rescue"
)

// Directory is where the package has kopia and age.
const Directory = "/usr/lib/bugspark/rescue"

// Write brings a target's instructions up to date and adds the programs of a
// directory that it lacks. Names of programs carry their version, so that those
// an older set was made for stay. A directory that is not there has none: a
// build that was not installed from a package.
func Write(ctx context.Context, t target.Store, programs string) error {
	old, err := target.ReadFile(ctx, t, Instructions)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the instructions: %w", err)
	}
	if !bytes.Equal(old, instructions) {
		if err := t.Put(ctx, Instructions, bytes.NewReader(instructions), time.Time{}); err != nil {
			return fmt.Errorf("writing the instructions: %w", err)
		}
	}
	entries, err := os.ReadDir(programs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the rescue programs: %w", err)
	}
	have, err := t.Dir(ctx, Programs)
	if err != nil {
		return fmt.Errorf("looking for the rescue programs: %w", err)
	}
	for _, e := range entries {
		if err := add(ctx, t, filepath.Join(programs, e.Name()), have); err != nil {
			return fmt.Errorf("adding the rescue program %s: %w", e.Name(), err)
		}
	}
	return nil
}

// add copies a program unless one of its name and size is there.
func add(ctx context.Context, t target.Store, program string, have []target.File) error {
	in, err := os.Open(program)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	for _, f := range have {
		if f.Name == info.Name() && f.Size == info.Size() {
			return nil
		}
	}
	return t.Put(ctx, path.Join(Programs, info.Name()), in, time.Time{})
}
