package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/bugspark/bugspark/internal/host/setup"
)

// progress tells a person what is being done and how long it took: a line is
// begun when a change starts and ended when the next one does.
type progress struct {
	out   io.Writer // nil is silent
	now   func() time.Time
	began time.Time
	open  bool
}

func newProgress(env Env, silent bool) *progress {
	p := &progress{now: time.Now}
	if !silent {
		p.out = env.Stdout
	}
	return p
}

func (p *progress) change(c setup.Change) {
	p.finish()
	if p.out == nil {
		return
	}
	fmt.Fprintf(p.out, "  %-72s", c)
	p.began, p.open = p.now(), true
}

func (p *progress) finish() {
	if p.open {
		fmt.Fprintf(p.out, " %5.1f s\n", p.now().Sub(p.began).Seconds())
		p.open = false
	}
}
