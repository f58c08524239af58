// Package rescue puts on a backup target what it takes to read it without us:
// the instructions, and the programs that no distribution has.
package rescue

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

//go:embed RESTORE.txt
var instructions []byte

// Names on the target.
const (
	Instructions = "RESTORE.txt"
	Programs     = "rescue"
)

// Write brings a target's instructions up to date and adds the programs of a
// directory that it lacks. Names of programs carry their version, so that those
// an older set was made for stay. A directory that is not there has none: a
// build that was not installed from a package.
func Write(target, programs string) error {
	path := filepath.Join(target, Instructions)
	if old, err := os.ReadFile(path); err != nil || !bytes.Equal(old, instructions) {
		if err := renameio.WriteFile(path, instructions, 0o644); err != nil {
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
	dir := filepath.Join(target, Programs)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making a directory for the rescue programs: %w", err)
	}
	for _, e := range entries {
		if err := add(filepath.Join(programs, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("adding the rescue program %s: %w", e.Name(), err)
		}
	}
	return nil
}

// add copies a file unless one of its size is there.
func add(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if have, err := os.Stat(to); err == nil && have.Size() == info.Size() {
		return nil
	}
	out, err := renameio.NewPendingFile(to, renameio.WithPermissions(0o755))
	if err != nil {
		return err
	}
	defer out.Cleanup() //nolint:errcheck // after a success there is nothing left of it
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}
