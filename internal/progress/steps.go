// Package progress shows people how far long work is.
package progress

import (
	"fmt"
	"io"
	"time"

	"github.com/bugspark/bugspark/internal/host/setup"
)

// Steps tells a person what is being done and how long it took: a line is begun when a
// change starts and ended when the next one does.
type Steps struct {
	// Concise puts changes of one kind that follow each other into one line.
	Concise bool

	out    io.Writer // nil is silent
	now    func() time.Time
	began  time.Time
	open   bool
	action string
	more   int
}

// NewSteps writes to out, or nowhere.
func NewSteps(out io.Writer) *Steps { return &Steps{out: out, now: time.Now} }

// Change begins a line.
func (p *Steps) Change(c setup.Change) {
	if p.Concise && p.open && c.Action == p.action {
		p.more++
		return
	}
	p.Finish()
	if p.out == nil {
		return
	}
	text := c.String()
	if p.Concise && c.Detail != "" {
		text = c.Action + " " + c.What
	}
	fmt.Fprintf(p.out, "  %-*s", p.width(), text)
	p.began, p.open, p.action, p.more = p.now(), true, c.Action, 0
}

func (p *Steps) width() int {
	if p.Concise {
		return 56
	}
	return 72
}

// Finish ends the last line.
func (p *Steps) Finish() {
	if p.open {
		switch {
		case p.more > 0:
			fmt.Fprintf(p.out, " %-15s", fmt.Sprintf("and %d more", p.more))
		case p.Concise:
			fmt.Fprintf(p.out, " %-15s", "")
		}
		fmt.Fprintf(p.out, " %5.1f s\n", p.now().Sub(p.began).Seconds())
		p.open = false
	}
}
