package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/quantity"
)

// transfer shows how far a long copy is: on a terminal as one line that moves,
// elsewhere as a line per part, so that a journal is not filled.
type transfer struct {
	mu    sync.Mutex
	out   io.Writer // nil is silent
	live  bool
	part  string
	began time.Time
	shown time.Time
	last  backup.Progress
}

func newTransfer(env Env, silent bool) *transfer {
	t := &transfer{}
	if !silent {
		t.out = env.Stderr
		if f, ok := env.Stderr.(*os.File); ok {
			t.live = term.IsTerminal(int(f.Fd()))
		}
	}
	return t
}

func (t *transfer) report(p backup.Progress) {
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
func (t *transfer) line(now time.Time) string {
	seconds := max(now.Sub(t.began).Seconds(), 0.001)
	s := fmt.Sprintf("%-10s %10s  %10s/s", t.part, size(t.last.Bytes), size(int64(float64(t.last.Bytes)/seconds)))
	if t.last.Total > t.last.Bytes && t.last.Bytes > 0 {
		left := time.Duration(float64(t.last.Total-t.last.Bytes) / float64(t.last.Bytes) * seconds * float64(time.Second))
		s += fmt.Sprintf("  %3d %%, %s left", 100*t.last.Bytes/t.last.Total, left.Round(time.Second))
	}
	return s
}

func (t *transfer) end() {
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

func (t *transfer) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out != nil {
		t.end()
	}
}

// size is a number of bytes for people.
func size(n int64) string { return quantity.Bytes(n) }
