package progress_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/progress"
	"github.com/bugspark/bugspark/internal/terminal"
)

// openTerminal returns a terminal and the end that somebody looks at.
func openTerminal(t *testing.T) (tty, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { screen.Close() })
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty, screen
}

// A line moves on a terminal that the command line writes to through a terminal.Writer; the
// name of a part does not move anything.
func TestALineMovesOnATerminalAndNothingElse(t *testing.T) {
	tty, screen := openTerminal(t)
	p := progress.NewTransfer(terminal.NewWriter(tty))
	p.Report(backup.Progress{Part: "evil\x1b[2J", Bytes: 7})
	p.Finish()
	text, seen := "", make([]byte, 4096)
	for !strings.Contains(text, "\n") {
		n, err := screen.Read(seen)
		if err != nil {
			t.Fatal(err)
		}
		text += string(seen[:n])
	}
	if !strings.Contains(text, "\r\x1b[K  evil") || strings.Contains(text, "\x1b[2J") || !strings.Contains(text, `evil\u001b[2J`) {
		t.Errorf("%q", text)
	}
}
