package job

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

func lockJobs(t *testing.T, variables ...string) *Jobs {
	t.Helper()
	account := func() (*syscall.Credential, error) { return nil, nil }
	return &Jobs{Dirs: config.Dirs{State: t.TempDir()}, Account: account, Lookup: func(name string) (string, bool) {
		for _, v := range variables {
			if v == name {
				return "x", true
			}
		}
		return "", false
	}}
}

func TestACommandDoesNotWaitForAnother(t *testing.T) {
	j := lockJobs(t)
	unlock, err := j.Lock(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Lock(t.Context(), false, nil); err == nil || !strings.Contains(err.Error(), "is under way") {
		t.Errorf("%v", err)
	}
	other, err := j.lockCopy(t.Context(), false, nil)
	if err != nil {
		t.Fatalf("a first copy would keep sets from being taken for days: %v", err)
	}
	other()
	unlock()
	if unlock, err = j.Lock(t.Context(), false, nil); err != nil {
		t.Fatal(err)
	}
	unlock()
}

// Ctrl-C and SIGTERM end the context, and so the waiting of commands and services.
func TestWaitingForAnotherCommandEndsWithTheContext(t *testing.T) {
	for rule, c := range map[string]struct {
		variable string
		wait     bool
		told     bool
	}{
		"a command that waits says so": {"", true, true},
		"a service waits silently":     {"INVOCATION_ID", false, false},
	} {
		j := lockJobs(t, c.variable)
		unlock, err := j.Lock(t.Context(), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		told := make(chan string, 10)
		ended := make(chan error, 1)
		go func() {
			_, err := j.Lock(ctx, c.wait, func(what string) { told <- what })
			ended <- err
		}()
		select {
		case err := <-ended:
			t.Errorf("%s: it did not wait: %v", rule, err)
		case <-time.After(300 * time.Millisecond):
		}
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", rule, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: it waits on", rule)
		}
		if (len(told) == 1) != c.told {
			t.Errorf("%s: told %d times", rule, len(told))
		}
		unlock()
	}
}

// TestALockThatRootTookIsTheAccounts lets root restore before the account of the backups
// has taken the lock for the first time.
func TestALockThatRootTookIsTheAccounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	const account = 12345
	j := lockJobs(t)
	j.Account = func() (*syscall.Credential, error) { return &syscall.Credential{Uid: account, Gid: account}, nil }
	for range 2 { // the second time the file is there
		unlock, err := j.Lock(t.Context(), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
		info, err := os.Stat(history.File(j.Dirs, "lock"))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); st.Uid != account || st.Gid != account {
			t.Errorf("the lock belongs to %d:%d", st.Uid, st.Gid)
		}
	}
}

// The timer's copy is under way when somebody asks for one.
func TestACopyWaitsForAnother(t *testing.T) {
	j := lockJobs(t)
	j.Config.Backup.Target, j.Config.Backup.Copy.Target = "/srv/one", "/srv/two"
	j.StepDown = func() error { return nil }
	unlock, err := j.lockCopy(t.Context(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	var told string
	_, err = j.Copy(ctx, CopyOptions{Waiting: func(what string) { told = what; cancel() }}, nil)
	if !errors.Is(err, context.Canceled) || !strings.Contains(told, "a copy onto the second target") {
		t.Errorf("it told %q and ended with %v", told, err)
	}
}
