package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("another process holds the lock")

// A waiting process tries again after these times, first the shorter one. flock(2)
// can wait by itself, but a goroutine in it cannot be told to stop.
const (
	shortestInterval = 10 * time.Millisecond
	longestInterval  = 500 * time.Millisecond
)

// TryLock takes the lock of a file, which it creates, or returns ErrLocked. The
// kernel drops the lock when the process ends, however it ends.
func TryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		f.Close()
		return nil, ErrLocked
	case err != nil:
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// Lock is TryLock for a process that waits until the lock is free or ctx ends.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	for interval := shortestInterval; ; interval = min(2*interval, longestInterval) {
		unlock, err := TryLock(path)
		if !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the lock of %s: %w", path, ctx.Err())
		case <-time.After(interval):
		}
	}
}
