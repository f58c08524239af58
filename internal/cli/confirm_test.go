package cli

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/bugspark/bugspark/internal/fault"
)

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		answer string
		goesOn bool
	}{
		{"confirm\n", true}, {"  confirm  \n", true}, {"confirm", true}, // the end of the input ends a line too
		{"\n", false}, {"", false}, {"yes\n", false}, {"undo\n", false}, {"CONFIRM\n", false},
	} {
		var out strings.Builder
		err := ask(strings.NewReader(c.answer), &out, "confirm", "It is deleted for good.")
		if (err == nil) != c.goesOn || !c.goesOn && fault.Status(err) != int(fault.Usage) {
			t.Errorf("%q: %v", c.answer, err)
		}
		if !strings.Contains(out.String(), "It is deleted for good.\nType confirm to go on: ") {
			t.Errorf("asked %q", out.String())
		}
	}
	broken := errors.New("the terminal is gone")
	if err := ask(iotest.ErrReader(broken), &strings.Builder{}, "confirm", ""); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestConfirmWantsATerminalOrYes(t *testing.T) {
	err := confirm(Env{Stdin: strings.NewReader("confirm\n")}, "confirm", "It is deleted for good.")
	if fault.Status(err) != int(fault.Usage) || !strings.Contains(strings.Join(fault.Hints(err), ""), "--yes") {
		t.Errorf("%v", err)
	}
}
