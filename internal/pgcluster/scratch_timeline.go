package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
)

// timelinePrefix begins the name of every file of WAL.
var timelinePrefix = regexp.MustCompile(`^[0-9A-F]{8}([0-9A-F]{16})?(\.|$)`)

// MaxTimeline is the largest number of a timeline that is believed. Each restore takes the
// next one; recovery asks for the history of each in turn, so that a file with a made-up
// name would keep it busy for days.
const MaxTimeline = 1 << 16

// LargestTimeline is the largest number of a timeline of which a data directory has a
// file, which is that of its own timeline at least. A directory that is not there has
// none.
func LargestTimeline(data string) (uint32, error) {
	names, err := walNames(data)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("looking for the timelines of %s: %w", data, err)
	}
	largest := uint64(0)
	for _, name := range names {
		if !timelinePrefix.MatchString(name) {
			continue
		}
		n, _ := strconv.ParseUint(name[:8], 16, 32) // the pattern holds eight digits
		if n > MaxTimeline {
			return 0, fault.New(fault.Failed, "ask who has put it there, and remove it",
				"%s has the file pg_wal/%s of timeline %d, and no server of ours comes that far: it is none of PostgreSQL's", data, name, n)
		}
		largest = max(largest, n)
	}
	return uint32(largest), nil
}

// walNames lists pg_wal. The account of the server owns the directory and may have
// put a link there, which leads nowhere else.
func walNames(data string) ([]string, error) {
	root, err := os.OpenRoot(filepath.Dir(data))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	// What is no directory, such as a FIFO, would not let go of its reader.
	dir, err := root.OpenFile(filepath.Join(filepath.Base(data), "pg_wal"), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Readdirnames(-1)
}

// StartNewTimeline moves a data directory that was shut down cleanly to a new
// timeline with a number beyond another one, so that its WAL cannot be taken for that
// of any other timeline.
func (s *Scratch) StartNewTimeline(ctx context.Context, beyond uint32) error {
	if err := s.Start(ctx, &RecoveryTarget{Command: usedTimelines(beyond)}); err != nil {
		return err
	}
	return s.Stop()
}

// usedTimelines is a restore_command that has an empty history for each timeline up to
// one of which the directory itself has none, and nothing else. Recovery reads the
// history of its own timeline, which is in the directory, and only looks whether there
// is one of those that it passes over.
func usedTimelines(last uint32) string {
	if last < 2 {
		return "false"
	}
	// Names of eight digits are in the order of their numbers.
	return fmt.Sprintf("case '%%f' in ????????.history) LC_ALL=C expr 'X%%f' '<=' 'X%08X.history' >/dev/null && test ! -e 'pg_wal/%%f' && : >'%%p';; *) exit 1;; esac", last)
}
