package scratch

import (
	"io"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// What was restored may keep its server waiting on purpose, with a lock, a sleep, or rows
// without an end. So the Client's patience with each step, and each connection, is bounded:
// what is independent of the size of the data gets the least, and all else a second more
// for every 2 MiB, which is a tenth of what an old disk does.
const (
	leastPatience    = 30 * time.Minute
	patiencePace     = 2 << 20        // bytes of database a second
	longestReplay    = 48 * time.Hour // for as long as more WAL is asked for
	connectionFactor = 2              // a connection has several statements
)

// patienceFor is how long the Worker may keep the Client waiting in one step altogether.
func (c *Client) patienceFor(v verb) time.Duration {
	least := c.patience
	if least == 0 {
		least = leastPatience
	}
	switch v {
	case initialize, dumped, newTimeline, stop:
		return least
	}
	return least + time.Duration(c.Bytes/patiencePace)*time.Second
}

// impatient ends a Client that waits for too long: its session, and with it the Worker. It
// counts the time between wait and rest.
type impatient struct {
	client *Client
	step   verb
	full   time.Duration

	mu     sync.Mutex
	left   time.Duration
	latest time.Time // whatever progress there is
	since  time.Time // zero: it does not wait
	timer  *time.Timer
}

func (c *Client) impatient(v verb, full time.Duration) *impatient {
	return &impatient{client: c, step: v, full: full, left: full, latest: time.Now().Add(longestReplay)}
}

func (i *impatient) wait() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.since = time.Now()
	i.timer = time.AfterFunc(i.left, func() { i.client.giveUp(i.step, i.full) })
}

func (i *impatient) rest() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer.Stop()
	i.left = max(0, i.left-time.Since(i.since))
	i.since = time.Time{}
}

// progress begins to count anew.
func (i *impatient) progress() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.left = max(0, min(i.full, time.Until(i.latest)))
	if !i.since.IsZero() && i.timer.Stop() {
		i.since = time.Now()
		i.timer.Reset(i.left)
	}
}

// giveUp ends everything, and keeps the reason for Close and for the step.
func (c *Client) giveUp(v verb, full time.Duration) {
	var err error = fault.New(fault.Failed, "look at the load of this machine and its disks; if they are idle, what was restored keeps its server waiting on purpose: take an older set",
		"the restored server has kept the step %q waiting for %s, and was ended", string(v), full)
	c.tooLate.CompareAndSwap(nil, &err)
	_ = c.session.Close() // whoever uses it hears of that
}

// late is why the Client gave up, nil if it did not.
func (c *Client) late() error {
	if err := c.tooLate.Load(); err != nil {
		return *err
	}
	return nil
}

// counted is the stream of a step. Time that its source takes is not the Worker's.
type counted struct {
	io.Writer
	impatient *impatient
}

func (w counted) Write(p []byte) (int, error) {
	w.impatient.wait()
	defer w.impatient.rest()
	return w.Writer.Write(p)
}
