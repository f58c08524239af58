package scratch

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// apart calls work on a thread of its own, which sees nothing in /run, where the sockets of
// the machine's services are, and has no keys of this session. What work starts inherits
// that, and the thread ends with it.
func apart(work func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: a locked thread ends with its goroutine
		// The first thread stands for the process in /proc, and never ends.
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- apart(work)
			return
		}
		err := leave()
		if err == nil {
			err = work()
		}
		done <- err
	}()
	return <-done
}

func leave() error {
	// A new one without a name, which nobody can join. ENOSYS is a kernel without keys; EPERM is a filter of system calls, which what is
	// started inherits as well.
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil && !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("making a session keyring: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("making a mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keeping mounts to itself: %w", err)
	}
	for _, dir := range []string{"/run", "/var/run"} {
		if real, err := filepath.EvalSymlinks(dir); err != nil || real != dir {
			continue // it is not there, or leads to the other
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0755,size=4k"); err != nil {
			return fmt.Errorf("hiding %s: %w", dir, err)
		}
	}
	return nil
}
