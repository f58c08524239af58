package target_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

type machine struct {
	*target.Target
	now time.Time
}

func newMachine(t *testing.T, dir, id string) *machine {
	m := &machine{now: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)}
	m.Target = &target.Target{Store: target.Directory(dir), MarkFile: filepath.Join(t.TempDir(), "mark.json"), Machine: id, Host: id, Now: func() time.Time { return m.now }}
	return m
}

// beat beats a minute later.
func (m *machine) beat(t *testing.T) {
	t.Helper()
	m.now = m.now.Add(2 * time.Minute)
	if err := m.Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestAMissingMountIsNoTarget(t *testing.T) {
	m := newMachine(t, t.TempDir(), "a")
	if err := m.Renew(context.Background()); !errors.Is(err, target.ErrAway) {
		t.Errorf("a directory that nobody has claimed: %v", err)
	}
	if err := m.Claim(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.beat(t)
	if err := os.Remove(filepath.Join(m.Store.String(), target.OwnerFile)); err != nil {
		t.Fatal(err)
	}
	if err := m.Renew(context.Background()); !errors.Is(err, target.ErrAway) {
		t.Errorf("below the mount: %v", err)
	}
}

func TestAnotherMachineIsRefusedUntilItTakesOver(t *testing.T) {
	a := newMachine(t, t.TempDir(), "a")
	b := newMachine(t, a.Store.String(), "b")
	if err := a.Claim(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := b.Claim(context.Background()); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("the second machine: %v", err)
	}
	if err := b.Take(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.beat(t)
	if err := a.Check(context.Background()); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("the first machine, after the second took over: %v", err)
	}
}

func TestACopyOfAMachineIsRefused(t *testing.T) {
	a := newMachine(t, t.TempDir(), "a")
	if err := a.Claim(context.Background()); err != nil {
		t.Fatal(err)
	}
	a.beat(t)
	b := newMachine(t, a.Store.String(), "a")
	state, err := os.ReadFile(a.MarkFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.MarkFile, state, 0o600); err != nil {
		t.Fatal(err)
	}
	a.beat(t)
	a.beat(t)
	if err := b.Check(context.Background()); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("a copy, while the original goes on: %v", err)
	}
	if err := a.Check(context.Background()); err != nil {
		t.Errorf("the original: %v", err)
	}
}

// The mark is remembered before it is written: whichever of the two was the
// last to reach a disk, the machine knows its target.
func TestAnInterruptedBeatMakesNoStranger(t *testing.T) {
	a := newMachine(t, t.TempDir(), "a")
	if err := a.Claim(context.Background()); err != nil {
		t.Fatal(err)
	}
	a.beat(t)
	before, err := os.ReadFile(filepath.Join(a.Store.String(), target.OwnerFile))
	if err != nil {
		t.Fatal(err)
	}
	a.beat(t)
	if err := os.WriteFile(filepath.Join(a.Store.String(), target.OwnerFile), before, 0o600); err != nil {
		t.Fatal(err)
	}
	a.beat(t)
	if err := os.Remove(a.MarkFile); err != nil {
		t.Fatal(err)
	}
	if err := a.Check(context.Background()); err != nil {
		t.Errorf("a reinstalled owner: %v", err)
	}
}
