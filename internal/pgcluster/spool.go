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
	"time"

	"github.com/bugspark/bugspark/internal/durable"
)

const segmentSize = 16 << 20

// smallSpool may be filled however small the disk is.
const smallSpool = 4 * segmentSize

// full tells whether the spool has reached a share of its limit. It is full as well
// when the disk has no more room than the server's WAL may claim and its users need, as
// long as it holds more than the segments of a working archive.
func (r *Receiver) full(share float64) (bool, error) {
	var n int64
	err := filepath.WalkDir(r.Spool, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // shipped meanwhile
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("looking into the WAL spool: %w", err)
	}
	if n >= int64(float64(r.Limit)*share) {
		return true, nil
	}
	if n < smallSpool {
		return false, nil
	}
	needed := r.Reserve
	if r.Upstream.home != "" {
		needed += r.claim
	}
	disk, err := durable.SpaceAt(r.Spool)
	return err == nil && disk.Bytes < int64(float64(needed)/share), err
}

// rest waits until a fifth of the spool is free again.
func (r *Receiver) rest(ctx context.Context) {
	r.Log.Error("the WAL spool is full; receiving waits until the archive takes WAL again", "limit", r.Limit)
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(2 * time.Second):
		}
		r.relieve(ctx)
		if full, err := r.full(0.8); err != nil || !full {
			return
		}
	}
}

// relieve gives the slot up when the disk of our own server is nearly full and
// nothing is received: the bound of the slot follows the size of the disk, and
// somebody else may have taken the room.
func (r *Receiver) relieve(ctx context.Context) {
	if scarce, err := r.scarce(); err != nil || !scarce || ctx.Err() != nil {
		return
	}
	ask, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	switch dropped, err := r.Upstream.dropSlot(ask); {
	case err != nil:
		r.Log.Error("the disk is nearly full, and the replication slot could not be given up", "error", err)
	case dropped:
		r.Log.Error("gave the replication slot up, because the disk of the database is nearly full: WAL is missing from the archive from here on")
	}
}

// scarce tells whether the disk of our own server is nearly full, or its users would be
// refused next.
func (r *Receiver) scarce() (bool, error) {
	if r.Upstream.home == "" {
		return false, nil
	}
	disk, err := durable.SpaceAt(r.Upstream.home)
	return err == nil && disk.Bytes < max(nearlyFull(disk.Size), r.Reserve), err
}

// nearlyFull is a twentieth of a disk, between 64 MiB and 1 GiB.
func nearlyFull(size int64) int64 { return min(max(size/20, 64<<20), 1<<30) }

// walFile is every name that pg_receivewal takes for WAL.
var walFile = regexp.MustCompile(`^([0-9A-F]{24})(\.gz|\.lz4)?(\.partial)?$`)

// heal clears away what pg_receivewal would fail on for ever, or the archive could not
// use: after a full disk or a power cut a segment has another size than it must. What
// the server still has, from the segment kept on, is received again. Of anything older
// the spool may hold the only copy, and nothing continues it, so it is left to the
// archive as it is.
func (r *Receiver) heal(dir string, kept uint64) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking into the WAL spool: %w", err)
	}
	for _, e := range entries {
		parts := walFile.FindStringSubmatch(e.Name())
		if parts == nil {
			continue // neither pg_receivewal nor the archive looks at it
		}
		path := filepath.Join(dir, e.Name())
		compressed, partial, sent := parts[2] != "", parts[3] != "", segmentNumber(parts[1]) >= kept
		usable, readable := sound(path, e, compressed, partial)
		if usable && (sent || !partial) {
			continue
		}
		if err := r.clear(path, parts[1], readable, sent); err != nil {
			return fmt.Errorf("healing the WAL spool: %w", err)
		}
	}
	return nil
}

// sound tells whether pg_receivewal can go on from a file, and whether it could be
// read as WAL at all.
func sound(path string, e fs.DirEntry, compressed, partial bool) (usable, readable bool) {
	if compressed || !e.Type().IsRegular() {
		return false, false
	}
	mode := os.O_RDONLY
	if partial {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(path, mode, 0)
	if err != nil {
		return false, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, false
	}
	return info.Size() == segmentSize || partial && info.Size() == 0, true
}

// clear takes a file out of pg_receivewal's way.
func (r *Receiver) clear(path, segment string, readable, sent bool) error {
	to := ""
	switch {
	case sent && readable:
		r.Log.Warn("removed damaged WAL from the spool; the database still has it", "file", path)
		return os.Remove(path)
	case readable: // a set closes the gap behind it
		to = filepath.Join(filepath.Dir(path), segment+".cut")
		r.Log.Warn("the database does not continue WAL of the spool; the archive takes what there is", "file", path)
	default:
		to = path + ".odd"
		r.Log.Error("moved out of the way of received WAL; remove it", "file", to)
	}
	return os.Rename(path, to)
}

// segmentNumber counts the segments of 16 MiB since the begin of the WAL.
func segmentNumber(name string) uint64 {
	log, _ := strconv.ParseUint(name[8:16], 16, 32) // walFile has matched it
	low, _ := strconv.ParseUint(name[16:24], 16, 32)
	return log<<8 + low
}
