package archive

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// WriteStay tells the shipper, through the spool's directory of a timeline, since when
// the server is on it. Call it before any WAL of the timeline is received. When the
// server is started again, what was told first stays.
func WriteStay(dir string, s Stay) error {
	data, err := json.Marshal(s)
	if err == nil {
		_, err = durable.CreateFile(filepath.Join(dir, fmt.Sprintf("%08X%s", s.Timeline, liveSuffix)), append(data, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("noting the server's timeline: %w", err)
	}
	return nil
}

// maxTimeline is the largest number of a timeline that is believed, see MaxTimeline of
// pgcluster.
const maxTimeline = 1 << 16

// LargestTimeline is the largest number of a timeline in a spool, zero without any.
func LargestTimeline(spool string) (uint32, error) {
	entries, err := os.ReadDir(spool)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("looking into the WAL spool: %w", err)
	}
	largest := uint32(0)
	for _, e := range entries {
		if !timelineName.MatchString(e.Name()) {
			continue
		}
		n := parseTimeline(e.Name())
		if n > maxTimeline {
			return 0, fault.New(fault.Failed, "ask who has made it, and remove it",
				"the WAL spool %s has the directory %s of timeline %d, and no server of ours comes that far", spool, e.Name(), n)
		}
		largest = max(largest, n)
	}
	return largest, nil
}

// shipStays ships the files that tell since when the server is on timelines, up to one
// timeline, and takes them off the list.
func (s *Shipper) shipStays(ctx context.Context, spool *spooled, upTo uint32) error {
	for len(spool.stays) > 0 && parseTimeline(filepath.Base(spool.stays[0])[:8]) <= upTo {
		if err := s.shipStay(ctx, spool.stays[0], len(spool.stays) == 1); err != nil {
			return err
		}
		spool.stays = spool.stays[1:]
	}
	return nil
}

// shipStay ships one such file, unless the archive has it with the
// signature of the key in use. It comes after the history
// of the timeline, without which nothing leads there.
func (s *Shipper) shipStay(ctx context.Context, from string, newest bool) error {
	name := filepath.Base(from)
	remembered := path.Join(s.System, name)
	if slices.Contains(s.State.Timelines, remembered) {
		s.unknown = false
		return nil
	}
	told, err := s.signed(ctx, name)
	if err != nil {
		return err
	}
	timeline := parseTimeline(name[:8])
	known := timeline == 1
	if !told && !known {
		if known, err = s.archived(ctx, name[:8]+".history"); err != nil {
			return err
		}
	}
	switch {
	case !told && !known && newest:
		s.unknown = true // until the receiver has got the history, before any WAL
		return nil
	case !told && !known:
		return nil // it was left before anything of it was received
	case !told:
		if err := s.putStay(ctx, from, timeline); err != nil {
			return err
		}
	}
	s.unknown = false
	s.State.Timelines = append(s.State.Timelines, remembered)
	return nil
}

// putStay adds what the shipper knows of the timeline before. What is signed anew, long
// after that, tells of it no more.
func (s *Shipper) putStay(ctx context.Context, from string, timeline uint32) error {
	var stay Stay
	if _, err := durable.ReadJSON(from, &stay); err != nil {
		return fmt.Errorf("reading since when the server is on timeline %d: %w", timeline, err)
	}
	if s.State.Timeline != 0 && s.State.Timeline < timeline {
		stay.Left = Left{s.State.Timeline, s.State.Shipped}
	}
	data, err := json.Marshal(stay)
	if err != nil {
		return err
	}
	return s.Archive.put(ctx, path.Join(s.dir(), filepath.Base(from)), bytes.NewReader(append(data, '\n')), stay.Since)
}

// archived tells whether the archive has a file of the cluster.
func (s *Shipper) archived(ctx context.Context, name string) (bool, error) {
	_, err := s.Archive.Target.Stat(ctx, file(path.Join(s.dir(), name)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s in the archive: %w", name, err)
	}
	return true, nil
}

// signed tells whether the archive has a file of the cluster with the signature of the key
// in use. What a key before has signed is put again: no reader believes it any more once
// that key is retired.
func (s *Shipper) signed(ctx context.Context, name string) (bool, error) {
	own := *s.Archive
	public, _ := own.Signer.Public().(ed25519.PublicKey) // what package ed25519 returns
	own.Writers = []ed25519.PublicKey{public}
	_, err := own.stamped(ctx, path.Join(s.dir(), name))
	if foreign(err) || errors.Is(err, ErrRetired) {
		return false, nil
	}
	return err == nil, err
}
