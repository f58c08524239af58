package backup_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/repository"
)

func (s *server) directory() string { return s.target.Target.String() }

// shell changes the target as its administrator does.
func (s *server) shell(command string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-ec", command)
	cmd.Dir = s.directory()
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v %s", command, err, out)
	}
	s.site.target.Cache = s.t.TempDir()
}

// A file server puts the target back to what it was before a restore: what is told of
// the restore's timeline is gone with it.
func TestASetOfANewTimelineCountsMoreThanWhatAnOlderTargetTells(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.set()
	s.ship()
	old := filepath.Join(t.TempDir(), "old")
	s.shell("cp -a . " + old)
	s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
	s.load()
	s.ship()
	s.shell("rm -rf ./* && cp -a " + old + "/. .")
	s.load()
	s.set()
	s.load()
	s.ship()
	s.lost()
	s.check("after the machine was destroyed")
}

// The archive is seconds behind, so that of the segment in which a set ends it may have
// the begin alone. The set itself has it up to its end.
func TestAMachineThatIsLostRightAfterASetComesBack(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.ship()
	s.load()
	s.setWhile(s.ship)
	s.lost()
	s.check("after the machine was destroyed")
}

// What the receiver did not get before a restore ended the time is in no archive, and a
// moment of then is refused rather than given without it.
func TestAMomentThatWasNotReceivedIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.set()
	s.load()
	s.ship()
	s.continuous.stop()
	s.load()
	missed := s.moments[len(s.moments)-1]
	s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
	s.confirm()
	s.load()
	s.ship()
	_, err := s.recovered(backup.RestoreRequest{Time: missed.at, Through: s.shipper.State.Through, Shipped: s.shipper.State})
	if err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("it comes back without what was not received: %v", err)
	}
}

// An empty disk takes the place of the target, and knows nothing of the time before.
func TestAMomentBeforeAllThatTheArchiveTellsIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.set()
	s.ship()
	s.shell("rm -rf ./*")
	if err := repository.Create(t.Context(), s.site.target); err != nil {
		t.Fatal(err)
	}
	s.sets, s.states, s.moments = nil, nil, nil
	s.set()
	s.load()
	s.ship()
	before := s.moments[len(s.moments)-1]
	s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
	s.load()
	s.ship()
	_, err := backup.Choose(t.Context(), s.open(t), s.archive, backup.RestoreRequest{Time: before.at, Through: s.shipper.State.Through, Shipped: s.shipper.State})
	if err == nil || !strings.Contains(err.Error(), "is not known") {
		t.Errorf("where the server was then is guessed: %v", err)
	}
}

// What the machine says of the archive counts only while the archive has it.
func TestAnArchiveThatLacksWhatWasShippedIsNotTheNewestState(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.set()
	for range 3 {
		s.load()
		s.sql(t, "bugspark", "SELECT pg_switch_wal()")
		s.ship()
	}
	at := s.moments[len(s.moments)-1].at
	ask := func(w backup.RestoreRequest) error {
		w.Through, w.Shipped = s.shipper.State.Through, s.shipper.State
		_, err := backup.Choose(t.Context(), s.open(t), s.archive, w)
		return err
	}
	s.ship() // the moment is past
	if err := errors.Join(ask(backup.RestoreRequest{Set: backup.Latest}), ask(backup.RestoreRequest{Time: at})); err != nil {
		t.Fatalf("all is there: %v", err)
	}
	s.shell("cd archive/wal/*; ls | grep -e - | xargs rm -f; ls -r | grep -v -e history -e live | head -2 | xargs rm -f")
	for rule, w := range map[string]backup.RestoreRequest{"the newest state": {Set: backup.Latest}, "a moment of just now": {Time: at}} {
		if err := ask(w); err == nil || !strings.Contains(err.Error(), "WAL was archived until") {
			t.Errorf("%s: %v", rule, err)
		}
	}
	if err := ask(backup.RestoreRequest{Set: s.sets[0]}); err != nil {
		t.Errorf("the set as it is: %v", err)
	}
}

// Whoever can write to the target, but not encrypt for it, keeps nobody from a set.
func TestAFileOfAFarTimelineStopsNoRestore(t *testing.T) {
	t.Parallel()
	s := newServer(t, 1)
	s.load()
	s.set()
	s.ship()
	wal := filepath.Join(s.directory(), "archive/wal", s.system)
	for _, name := range []string{"FFFFFFFF.history", "FFFFFFFE0000000000000001", "FFFFFFFD.live"} {
		if err := os.WriteFile(filepath.Join(wal, name+".zst.age"), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := backup.Choose(t.Context(), s.open(t), s.archive, backup.RestoreRequest{Set: backup.Latest})
	if err == nil || !strings.Contains(err.Error(), "FFFFFFFD.live") {
		t.Errorf("which state is the newest is guessed: %v", err)
	}
	s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
	s.check("after the set was restored")
}
