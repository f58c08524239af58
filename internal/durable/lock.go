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
	return tryLock(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW)
}

// TryLockDir takes the lock of a directory itself, which needs no file in it, or
// returns ErrLocked. An administrator may have put a link in its place.
func TryLockDir(dir string) (unlock func(), err error) {
	return tryLock(dir, os.O_RDONLY|unix.O_DIRECTORY)
}

func tryLock(path string, flags int) (unlock func(), err error) {
	f, err := os.OpenFile(path, flags|unix.O_CLOEXEC, 0o600)
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
	return wait(ctx, path, TryLock)
}

// LockWithin is Lock, and fails with ErrLocked once it has waited for long enough: who
// holds a lock may be an account that means no good.
func LockWithin(ctx context.Context, path string, longest time.Duration) (unlock func(), err error) {
	within, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	unlock, err = Lock(within, path)
	if err != nil && ctx.Err() == nil && within.Err() != nil {
		return nil, fmt.Errorf("%w of %s, and has not let go of it for %s", ErrLocked, path, longest)
	}
	return unlock, err
}

// LockDir is TryLockDir for a process that waits.
func LockDir(ctx context.Context, dir string) (unlock func(), err error) {
	return wait(ctx, dir, TryLockDir)
}

func wait(ctx context.Context, path string, try func(string) (func(), error)) (unlock func(), err error) {
	for interval := shortestInterval; ; interval = min(2*interval, longestInterval) {
		unlock, err := try(path)
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
