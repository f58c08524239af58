package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/quantity"
	"github.com/bugspark/bugspark/internal/terminal"
)

// Transfer shows how far a long copy is: on a terminal as one line that moves,
// elsewhere as a line per part, so that a journal is not filled.
type Transfer struct {
	mu    sync.Mutex
	out   io.Writer // nil is silent
	live  bool
	part  string
	began time.Time
	shown time.Time
	last  backup.Progress
}

// NewTransfer writes to out, or nowhere.
func NewTransfer(out io.Writer) *Transfer {
	t := &Transfer{out: out, live: terminal.Is(out)}
	if t.live {
		t.out = terminal.Raw(out) // for the line that moves
	}
	return t
}

// Report tells how far the copy is.
func (t *Transfer) Report(p backup.Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return
	}
	now := time.Now()
	if p.Part != t.part {
		t.end()
		t.part, t.began = p.Part, now
	}
	t.last = p
	if t.live && now.Sub(t.shown) > 200*time.Millisecond {
		t.shown = now
		fmt.Fprintf(t.out, "\r\x1b[K  %s", t.line(now))
	}
}

// line is one part's state with its rate and, where the end is known, the time
// left.
func (t *Transfer) line(now time.Time) string {
	seconds := max(now.Sub(t.began).Seconds(), 0.001)
	s := fmt.Sprintf("%-10s %10s  %10s/s", terminal.Printable(t.part), quantity.Bytes(t.last.Bytes), quantity.Bytes(int64(float64(t.last.Bytes)/seconds)))
	if t.last.Total > t.last.Bytes && t.last.Bytes > 0 {
		left := time.Duration(float64(t.last.Total-t.last.Bytes) / float64(t.last.Bytes) * seconds * float64(time.Second))
		s += fmt.Sprintf("  %3d %%, %s left", 100*t.last.Bytes/t.last.Total, left.Round(time.Second))
	}
	return s
}

func (t *Transfer) end() {
	if t.part == "" {
		return
	}
	t.last.Total = 0
	if t.live {
		fmt.Fprint(t.out, "\r\x1b[K")
	}
	fmt.Fprintf(t.out, "  %s\n", t.line(time.Now()))
	t.part = ""
}

// Finish ends the last line.
func (t *Transfer) Finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out != nil {
		t.end()
	}
}
