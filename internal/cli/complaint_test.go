package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/fault"
)

func TestEveryCauseStandsWithItsRemedy(t *testing.T) {
	var b strings.Builder
	complain(&b, &fault.Error{Kind: fault.Preflight, Message: "a check failed", Err: errors.Join(
		fault.New(fault.Preflight, "stop it", "port 443 is taken"), errors.New("no disk"))})
	want := "bugspark: a check failed:\n  - port 443 is taken\n      next: stop it\n  - no disk\n"
	if b.String() != want {
		t.Errorf("printed\n%s", b.String())
	}
	b.Reset()
	complain(&b, fault.Wrap(fault.Failed, errors.New("refused"), "look", "starting"))
	if want := "bugspark: starting: refused\n  next: look\n"; b.String() != want {
		t.Errorf("printed\n%s", b.String())
	}
}

// A signal is no cause that helps anybody; what the command had to say of its end stays.
func TestAnInterruptedCommandNamesTheNext(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("waiting for another backup: %w", context.Canceled), "bugspark: the command was interrupted before its end\n  next: run the same command again\n"},
		{fault.Wrap(fault.Failed, context.Canceled, "correct the cause", "no set was saved"), "bugspark: no set was saved; the command was interrupted\n  next: run the same command again\n"},
	} {
		var b strings.Builder
		complain(&b, interrupted(c.err))
		if b.String() != c.want {
			t.Errorf("printed\n%s", b.String())
		}
	}
}
