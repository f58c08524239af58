package restore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTheNextRestoreRemovesWhatAKilledOneHasLeft(t *testing.T) {
	temp, elsewhere := t.TempDir(), t.TempDir()
	left, link, others, kept := filepath.Join(temp, ownPrefix+"1"), filepath.Join(temp, ownPrefix+"2"), filepath.Join(temp, ownPrefix+"3"), filepath.Join(elsewhere, "kept")
	err := errors.Join(os.MkdirAll(filepath.Join(left, "run"), 0o700), os.Mkdir(others, 0o700), os.Symlink(elsewhere, link), os.WriteFile(kept, nil, 0o600))
	if err == nil && os.Geteuid() == 0 {
		err = os.Chown(others, 65534, 65534)
	}
	if err == nil {
		err = removeLeft(temp)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(others); err != nil && os.Geteuid() == 0 {
		t.Errorf("that of another account: %v", err)
	}
}
