package archive

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/target"
)

// rotated is an archive whose signing key was replaced, and which believes the new one alone.
func rotated(t *testing.T, before *Archive) *Archive {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := *before
	now.Signer, now.Writers = key, []ed25519.PublicKey{public}
	return &now
}

// What tells of timelines is brought once, and a key that is not believed any more would
// leave nothing that can be read of them.
func TestANewKeySignsAnewWhatTellsOfTheTimelines(t *testing.T) {
	l, spool := newLoop(t, &memory{})
	reader := keys(t, l.Shipper.Archive.Target)
	l.Shipper.Archive = reader
	segments(t, spool, "000000010000000000000001")
	second := filepath.Join(l.Spool, "7", "00000002")
	since := time.Now().Add(-time.Hour).Truncate(time.Second).UTC()
	if err := errors.Join(os.MkdirAll(second, 0o700), WriteStay(spool, Stay{Timeline: 1, Since: since.Add(-time.Hour)}), WriteStay(second, Stay{Timeline: 2, Since: since}),
		os.WriteFile(filepath.Join(second, "00000002.history"), []byte("1\t0/2000000\tx\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := rotated(t, reader)
	if w, err := now.WAL(t.Context(), "7"); err != nil || !errors.Is(w.Unread(), ErrForged) {
		t.Fatalf("before the archiver has started with the new key: %v, %v", w.Unread(), err)
	}
	l.Shipper.Archive, l.unproven = now, true // the archiver was started anew
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, err := now.WAL(t.Context(), "7")
	if err != nil || w.Unread() != nil || w.Last().Timeline != 2 || !w.Last().Since.Equal(since) {
		t.Fatalf("%+v, unread: %v, %v", w.Last(), w.Unread(), err)
	}
	if leads, err := w.Leads(t.Context(), 1, LSN(SegmentSize), 2); err != nil || !leads {
		t.Errorf("the history: %v, %v", leads, err)
	}
	at, err := now.stamped(t.Context(), "wal/7/00000002.live")
	if err = errors.Join(err, l.round(t.Context())); err != nil {
		t.Fatal(err)
	}
	if again, err := now.stamped(t.Context(), "wal/7/00000002.live"); err != nil || !again.Equal(at) || !strings.Contains(strings.Join(l.Shipper.State.Timelines, " "), "7/00000002.live") {
		t.Errorf("%s, %v, told: %q", again, err, l.Shipper.State.Timelines)
	}
}

// Somebody else may have the key before: nothing that it has signed is read, and it goes
// when its time has come, without a word of damage until then.
func TestWhatARetiredKeyHasSignedGoesByItsAge(t *testing.T) {
	begin := time.Now().Add(-7 * 24 * time.Hour)
	for rule, c := range map[string]struct {
		at     time.Time
		retire bool
		goes   bool
		damage bool
	}{
		"old and retired":              {begin.Add(-time.Hour), true, true, false},
		"of the window and retired":    {begin.Add(time.Hour), true, false, false},
		"old, of a key nobody knows":   {begin.Add(-time.Hour), false, false, true},
		"young, and of a key as above": {begin.Add(time.Hour), false, false, true},
	} {
		t.Run(rule, func(t *testing.T) {
			before := keys(t, target.Directory(t.TempDir()))
			for _, name := range []string{firstSegment, firstPicture, "wal/8/000000010000000000000001"} {
				if err := before.put(t.Context(), name, strings.NewReader("content"), c.at); err != nil {
					t.Fatal(err)
				}
			}
			now := rotated(t, before)
			if c.retire {
				now.Retired = before.Writers
			}
			if _, err := now.open(t.Context(), firstSegment); !errors.Is(err, ErrForged) && !errors.Is(err, ErrRetired) {
				t.Errorf("it is read: %v", err)
			}
			found, err := now.Inspect(t.Context(), 100)
			if err != nil || (len(found.Damages) == 3) != c.damage || (found.Retired == 3) != c.retire {
				t.Errorf("%+v, %v", found, err)
			}
			wal, err := now.Prune(t.Context(), "7", Needs{}, begin, false)
			pictures, more := now.PrunePictures(t.Context(), func(at time.Time) bool { return !at.Before(begin) }, false)
			system, rest := now.PruneSystem(t.Context(), "8", begin, false)
			if err = errors.Join(err, more, rest); err != nil || wal.Files+pictures.Files+system.Files != map[bool]int{true: 3}[c.goes] {
				t.Errorf("gone: %+v %+v %+v, %v", wal, pictures, system, err)
			}
		})
	}
}

// A machine that was replaced has nothing in its spool of the timelines before.
func TestOldTimelinesOfARetiredKeyAreUnknown(t *testing.T) {
	before := keys(t, target.Directory(t.TempDir()))
	put(t, before, "wal/7/00000001.live", `{"since": "2026-11-01T00:00:00Z"}`)
	put(t, before, "wal/7/00000002.live", `{"since": "2026-11-02T00:00:00Z"}`)
	put(t, before, "wal/7/00000002.history", "1\t0/2000000\tx\n")
	now := rotated(t, before)
	now.Retired = before.Writers
	w, err := now.WAL(t.Context(), "7")
	if err != nil || w.Unread() == nil {
		t.Fatalf("nothing tells where the server is: %+v, %v, %v", w.Last(), w.Unread(), err)
	}
	put(t, now, "wal/7/00000003.live", `{"since": "2026-11-03T00:00:00Z"}`)
	if w, err = now.WAL(t.Context(), "7"); err != nil || w.Unread() != nil || len(w.stays) != 1 || w.Last().Timeline != 3 {
		t.Errorf("%+v, %v, %v", w.stays, w.Unread(), err)
	}
	put(t, before, "wal/7/00000004.live", `{"since": "2026-11-04T00:00:00Z"}`)
	if w, err = now.WAL(t.Context(), "7"); err != nil || !errors.Is(w.Unread(), ErrRetired) {
		t.Errorf("a later one: %+v, %v, %v", w.stays, w.Unread(), err)
	}
}

// The data was put back to an older state, and what is ahead of it was signed before the
// key changed. What a made-up key has signed does not stop the archiver, see
// TestAnInventedNameDoesNotStopTheArchiver.
func TestTheOtherLifeIsFoundAfterTheKeyHasChanged(t *testing.T) {
	for rule, c := range map[string]struct {
		list    func(now, before *Archive)
		refused bool
	}{
		"the key before is believed": {func(now, before *Archive) { now.Writers = append(now.Writers, before.Writers...) }, true},
		"the key before is retired":  {func(now, before *Archive) { now.Retired = before.Writers }, true},
		"the key is anybody's":       {func(_, _ *Archive) {}, false},
	} {
		before := keys(t, target.Directory(t.TempDir()))
		put(t, before, "wal/7/000000010000000000000009", "of the other life")
		now := rotated(t, before)
		c.list(now, before)
		var state State
		if _, err := now.CheckAhead(t.Context(), "7", serverAt{1, "0/5000100"}, &state); errors.Is(err, ErrAhead) != c.refused || (state.Forged == "") != c.refused {
			t.Errorf("%s: %v, %+v", rule, err, state)
		}
	}
}
