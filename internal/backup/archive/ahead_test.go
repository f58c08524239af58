package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// serverAt is a server that writes somewhere.
type serverAt struct {
	timeline uint32
	lsn      string
}

func (serverAt) Heartbeat(context.Context) (bool, error)               { return true, nil }
func (serverAt) Pictures(context.Context, time.Time) ([]string, error) { return nil, nil }
func (s serverAt) Position(context.Context) (uint32, string, error)    { return s.timeline, s.lsn, nil }

// The server goes on writing, and passes what the archive has of the other life.
func TestARefusalLastsUntilSomebodyDecides(t *testing.T) {
	l, spool := newLoop(t, &memory{})
	l.unproven = true
	round := func(rule string, at serverAt, refused bool) {
		t.Helper()
		l.Shipper.Source, l.unproven = at, true
		if err := l.round(t.Context()); errors.Is(err, ErrAhead) != refused || err != nil && !refused {
			t.Errorf("%s: %v", rule, err)
		}
	}
	segments(t, spool, "000000010000000000000001")
	const other = "wal/7/000000010000000000000009.00000000-00000100"
	if err := l.Shipper.Archive.put(t.Context(), other, strings.NewReader("of another life"), time.Time{}); err != nil {
		t.Fatal(err)
	}
	round("the server is behind", serverAt{1, "0/5000100"}, true)
	round("it has passed the other life", serverAt{1, "0/9000100"}, true)
	saved := l.Shipper.State
	l.Shipper.State = State{}
	l.Shipper.State.Ahead = saved.Ahead
	round("and the shipper was started anew", serverAt{1, "0/A000100"}, true)
	round("a restore has begun a timeline", serverAt{2, "0/9000100"}, false)

	l.Shipper.State.Ahead = saved.Ahead
	if err := l.Target.Delete(t.Context(), file(other)); err != nil {
		t.Fatal(err)
	}
	round("the other life was removed", serverAt{1, "0/9000100"}, false)
}

// A spare machine was brought up from the backups for a rehearsal, or this machine was
// put back to an older state of itself, and then takes the target over again.
func TestTheArchiveOfAnotherLifeIsNotGoneOnWith(t *testing.T) {
	for rule, c := range map[string]struct {
		there   string // in the archive
		server  serverAt
		refused bool
	}{
		"WAL of where the server is":                     {"000000020000000000000005.00000000-00000256", serverAt{2, "0/5000100"}, false},
		"a segment that the server has ended":            {"000000020000000000000004", serverAt{2, "0/5000100"}, false},
		"the rest of the segment in which the server is": {"000000020000000000000005", serverAt{2, "0/5000100"}, true},
		"a piece of it with more":                        {"000000020000000000000005.00000000-00000257", serverAt{2, "0/5000100"}, true},
		"a later segment of its timeline":                {"000000020000000000000006", serverAt{2, "0/5000100"}, true},
		"a piece of one":                                 {"000000020000000000000006.00000000-00000100", serverAt{2, "0/5000100"}, true},
		"a later timeline":                               {"00000003.live", serverAt{2, "0/5000100"}, true},
		"later WAL of a timeline that a restore left":    {"000000010000000000000009", serverAt{2, "0/5000100"}, false},
		"something that is no WAL":                       {"00000009.txt", serverAt{2, "0/5000100"}, false},
		"nothing of its own, as on a target that is new": {"00000001.history", serverAt{2, "0/5000100"}, false},
	} {
		t.Run(rule, func(t *testing.T) {
			l, spool := newLoop(t, &memory{})
			l.unproven = true
			l.Shipper.Source = c.server
			l.Shipper.State.Timelines = []string{"7/00000002.live"}
			segments(t, spool, "000000010000000000000001")
			if err := l.Shipper.Archive.put(t.Context(), "wal/7/"+c.there, strings.NewReader("sealed"), time.Time{}); err != nil {
				t.Fatal(err)
			}
			err := l.round(t.Context())
			if errors.Is(err, ErrAhead) != c.refused || err != nil && !c.refused {
				t.Fatalf("%v", err)
			}
			_, left := os.Stat(filepath.Join(spool, "000000010000000000000001"))
			if (left == nil) != c.refused || l.unproven != c.refused {
				t.Errorf("the segment waits: %v; to be proven again: %v", left == nil, l.unproven)
			}
			if !c.refused && len(l.Shipper.State.Timelines) > 0 {
				t.Errorf("what an older state of the target may lack is taken for told: %v", l.Shipper.State.Timelines)
			}
		})
	}
}

// Only the data was put back to an older state, and the shipper works on.
func TestAServerThatWentBackIsNoticedInTheNextRound(t *testing.T) {
	l, spool := newLoop(t, &memory{})
	segments(t, spool, "000000010000000000000005")
	l.Shipper.Source = serverAt{1, "0/6000000"}
	if err := l.round(t.Context()); err != nil || l.unproven {
		t.Fatalf("%v, to be proven: %v", err, l.unproven)
	}
	l.Shipper.Source = serverAt{1, "0/5000100"}
	if err := l.round(t.Context()); !errors.Is(err, ErrAhead) || l.Shipper.State.Ahead.File == "" {
		t.Errorf("%v, %+v", err, l.Shipper.State.Ahead)
	}
}

// Somebody made room by deleting in the spool, and the receiver writes on into the file.
func TestASpoolFromWhichFilesWereRemovedIsNotTheWholeWAL(t *testing.T) {
	l, spool := newLoop(t, &memory{})
	segments(t, spool, "000000010000000000000005.partial")
	l.Shipper.Source = serverAt{1, "0/5000100"}
	if err := l.round(t.Context()); err != nil || l.Shipper.State.Trouble != "" || l.Shipper.State.Through.IsZero() {
		t.Fatalf("%v, %+v", err, l.Shipper.State)
	}
	before := l.Shipper.State.Through
	if err := os.Remove(filepath.Join(spool, "000000010000000000000005.partial")); err != nil {
		t.Fatal(err)
	}
	l.Shipper.Source = serverAt{1, "0/5200100"}
	if err := l.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := l.Shipper.State; s.Through != before || !strings.Contains(s.Trouble, "somebody has removed it") {
		t.Errorf("through %s, trouble %q", s.Through, s.Trouble)
	}
}
