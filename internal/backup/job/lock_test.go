package job

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

func lockJobs(t *testing.T, variables ...string) *Jobs {
	t.Helper()
	return &Jobs{Dirs: config.Dirs{State: t.TempDir()}, Lookup: func(name string) (string, bool) {
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
