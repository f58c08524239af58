package job

import (
	"context"
	"errors"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/quantity"
)

// tight tells whether backups have taken what the data beside them needs. room is
// zero but for whereabouts where the target has a disk of its own.
func (s *Session) tight(ctx context.Context) (tight bool, room target.Room, err error) {
	room, err = target.Whereabouts(s.Target, s.Jobs.Dirs.State)
	if err != nil || room.Reserve == 0 {
		return false, room, err
	}
	room.Free, err = s.Target.Free(ctx)
	return room.Free < room.Reserve, room, err
}

// retention is what is configured. Where room is tight only the newest sets stay.
func (s *Session) retention(tight bool) backup.Retention {
	if tight {
		return backup.Retention{}
	}
	return s.Jobs.retention()
}

// makeRoom lets old sets go before a set where the data beside them needs the room,
// and refuses the set if that is not enough. From here on the session itself leaves
// that room, however large the set is.
func (s *Session) makeRoom(ctx context.Context) error {
	tight, room, err := s.tight(ctx)
	if err != nil || room.Reserve == 0 {
		return err
	}
	if tight {
		if err = s.squeeze(ctx); err == nil || errors.Is(err, durable.ErrLocked) {
			tight, room, err = s.tight(ctx)
		}
		if err != nil || tight {
			return s.noRoom(room, err)
		}
	}
	s.guarded = s.own.Guard(s.Jobs.journaled(s.Endpoint, target.Beside{Store: s.Target, State: s.Jobs.Dirs.State}, false))
	if err := s.Repository.Close(ctx); err != nil {
		s.Jobs.Log.Warn("closing the backup target", "error", err)
	}
	s.Repository, err = repository.Open(ctx, s.repositoryOptions())
	return err
}

func (s *Session) noRoom(room target.Room, why error) error {
	return fault.Wrap(fault.Failed, errors.Join(target.ErrBeside, why), "set backup.target to a place on another machine and run 'bugspark apply', or make room there",
		"no set was saved, the sets before are untouched; %s is on the disk of database and pictures, of which backups leave %s free, and only %s are",
		s.Target, quantity.Bytes(room.Reserve), quantity.Bytes(room.Free))
}

// squeeze prunes. The lock of the copy is not waited for: who prunes holds it while
// waiting for this session's.
func (s *Session) squeeze(ctx context.Context) error {
	unlock, err := durable.TryLock(history.File(s.Jobs.Dirs, "copy.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	_, err = s.prune(ctx, PruneOptions{})
	return err
}
