package archive

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// spooled is the spool as it was at one moment, each file with its path.
type spooled struct {
	histories []string
	stays     []string  // of the server on timelines
	segments  []string  // whole, or never to be completed
	partial   string    // "" when there is none
	end       int64     // of what was written of it
	at        time.Time // and when, at the latest, before it was read
	bytes     int64
}

func (s *Shipper) look() (spooled, error) {
	var out spooled
	timelines, err := os.ReadDir(s.Spool)
	if err != nil {
		return out, fmt.Errorf("looking into the WAL spool: %w", err)
	}
	timelines = slices.DeleteFunc(timelines, func(e fs.DirEntry) bool { return !e.IsDir() })
	for i, t := range timelines {
		dir := filepath.Join(s.Spool, t.Name())
		entries, err := os.ReadDir(dir)
		if err != nil {
			return out, fmt.Errorf("looking into the WAL spool: %w", err)
		}
		if len(entries) == 0 && i < len(timelines)-1 {
			_ = os.Remove(dir) // all of it is shipped; a failure is repeated in the next round
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue // none of ours
			}
			if err := s.sort(&out, filepath.Join(dir, e.Name())); err != nil {
				return out, err
			}
		}
	}
	byName := func(a, b string) int { return strings.Compare(filepath.Base(a), filepath.Base(b)) }
	slices.SortFunc(out.segments, byName)
	slices.SortFunc(out.stays, byName)
	return out, nil
}

// sort adds one file of the spool to the list of its kind.
func (s *Shipper) sort(out *spooled, file string) error {
	name := filepath.Base(file)
	if historyName.MatchString(name) {
		out.histories = append(out.histories, file)
		return nil
	}
	if liveName.MatchString(name) {
		out.stays = append(out.stays, file)
		return nil
	}
	if _, ok := parseSegment(name); ok {
		// One of another size is damaged; the receiver clears it away.
		if info, err := os.Stat(file); err != nil || info.Size() != SegmentSize {
			return err
		}
		out.segments = append(out.segments, file)
		out.bytes += SegmentSize
		return nil
	}
	if _, ok := parseSegment(strings.TrimSuffix(name, cut)); ok {
		out.segments = append(out.segments, file)
		return nil
	}
	seg, ok := parseSegment(strings.TrimSuffix(name, ".partial"))
	if !ok || name < filepath.Base(out.partial) {
		return nil // none of ours, or soon to be cut
	}
	known := int64(0)
	if s.tail.segment == seg {
		known = s.tail.end
	}
	info, err := os.Stat(file)
	end := int64(0)
	if err == nil {
		end, err = written(file, known)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // completed meanwhile
	}
	if err != nil {
		return err
	}
	out.partial, out.end, out.at = file, end, info.ModTime()
	out.bytes += end
	return nil
}

// written is where the WAL in a partial segment ends. Behind it pg_receivewal has
// filled the file with zeros. WAL that itself ends in zeros may be cut there, since a
// reader fills a segment up with zeros.
func written(name string, known int64) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	const step = 256 << 10
	buf := make([]byte, step)
	end := known
	// Forward from what is known, in blocks; WAL has no block of zeros this long.
	for at := known; at < SegmentSize; at += step {
		n, err := f.ReadAt(buf[:min(step, SegmentSize-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("reading the WAL spool: %w", err)
		}
		last := len(strings.TrimRight(string(buf[:n]), "\x00"))
		if last == 0 {
			break
		}
		end = at + int64(last)
	}
	return end, nil
}
