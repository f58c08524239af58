package job

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/durable"
)

// lockState is when the locks of a target's files were extended last.
type lockState struct {
	At   time.Time     `json:"at"`
	Lock time.Duration `json:"lock"`
}

// extendDue tells whether the locks are to be extended. Twice in the time of a lock is
// enough: what is needed stays locked for nearly half of it at any moment.
func extendDue(last lockState, lock time.Duration, now time.Time) bool {
	age := now.Sub(last.At)
	return lock > 0 && (last.Lock != lock || age < 0 || age >= lock/2)
}

// extendLocks keeps what is still needed from being deleted, where the target's service
// can do that. What was let go is left to its lock.
func (j *Jobs) extendLocks(ctx context.Context, s target.Store, now time.Time) error {
	l, ok := s.(target.Locker)
	if !ok || l.LockFor() == 0 {
		return nil
	}
	path := history.File(j.Dirs, "object-lock.json")
	all := map[string]lockState{} // by target
	if _, err := durable.ReadJSON(path, &all); err != nil {
		return err
	}
	if !extendDue(all[s.String()], l.LockFor(), now) {
		return nil
	}
	if err := l.ExtendLocks(ctx); err != nil {
		return err
	}
	all[s.String()] = lockState{now, l.LockFor()}
	return history.Write(j.Dirs, "object-lock.json", all)
}

// checkLock fails where a lock is asked for and the target's service knows none.
func checkLock(ctx context.Context, s target.Store) error {
	if l, ok := s.(target.Locker); ok {
		return l.CheckLock(ctx)
	}
	return nil
}
