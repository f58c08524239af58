package target_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Root waits for a lock of the backups' account, which may never let go of it.
func TestALockThatIsNeverReleasedIsToldOfAndGivenUp(t *testing.T) {
	m := newMachine(t, t.TempDir(), "a")
	unlock, err := durable.TryLock(m.MarkFile + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	var told []string
	m.Waiting, m.Patience = func(what string) { told = append(told, what) }, 50*time.Millisecond
	for what, step := range map[string]func(context.Context) error{"renewing": m.Renew, "taking": m.Take} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := step(ctx)
		cancel()
		if !errors.Is(err, durable.ErrLocked) || len(fault.Hints(err)) == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(told) != 2 {
		t.Errorf("told of %q", told)
	}
}
