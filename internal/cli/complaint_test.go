package cli

import (
	"errors"
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
