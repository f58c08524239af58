package scratch

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// short is the least patience of a Client in these tests.
const short = 200 * time.Millisecond

// gaveUp fails unless a Client ended the Worker because that kept it waiting.
func gaveUp(t *testing.T, c *Client, err error) {
	t.Helper()
	if err == nil || c.late() == nil || fault.Hints(err) == nil {
		t.Errorf("a step that lasts for ever ended with %v (%v)", err, c.late())
	}
	if err := inTime(t, "Close", c.Close); !errors.Is(err, c.late()) {
		t.Errorf("Close does not tell why: %v", err)
	}
}

// What was restored may sleep in whatever a program of PostgreSQL asks it.
func TestNoStepLastsForEver(t *testing.T) {
	t.Parallel()
	for name, step := range map[string]func(context.Context, *Client) error{
		"pg_verifybackup": func(ctx context.Context, c *Client) error { return c.Verify(ctx) },
		"pg_amcheck":      func(ctx context.Context, c *Client) error { return c.Check(ctx) },
		"initdb":          func(ctx context.Context, c *Client) error { return c.Initialize(ctx) },
		"pg_dump": func(ctx context.Context, c *Client) error {
			d, err := c.Dump(ctx)
			if err != nil {
				return err
			}
			defer d.Close()
			_, err = io.Copy(io.Discard, d)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, bin := pair(t)
			script(t, bin, name, "exec sleep 1000")
			c.patience = short
			gaveUp(t, c, inTime(t, name, func() error { return step(context.WithoutCancel(t.Context()), c) }))
		})
	}
}

func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	t.Parallel()
	c, bin := pair(t)
	script(t, bin, "postgres", "trap '' INT TERM; kill -STOP $$; sleep 1000")
	if err := os.MkdirAll(filepath.Join(filepath.Dir(bin), "data", "database"), 0o700); err != nil {
		t.Fatal(err)
	}
	c.patience = short
	gaveUp(t, c, inTime(t, "Start", func() error { return c.Start(context.WithoutCancel(t.Context()), nil) }))
}

// A server in recovery may replay for long, as long as it asks for more.
func TestWALThatIsAskedForIsProgress(t *testing.T) {
	t.Parallel()
	c, _ := pair(t)
	i := c.impatient(start, time.Hour)
	i.wait()
	i.left, i.since = time.Minute, time.Now()
	i.progress()
	i.rest()
	if i.left <= time.Minute {
		t.Errorf("%s are left after progress", i.left)
	}
	i.latest = time.Now()
	i.progress()
	if i.left > 0 {
		t.Errorf("%s are left at the latest", i.left)
	}
}

// Whoever reads the database waits for a function that sleeps, or a lock.
func TestNoConnectionLastsForEver(t *testing.T) {
	t.Parallel()
	c, bin := pair(t)
	ln, err := net.Listen("unix", filepath.Join(filepath.Dir(bin), "w", ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // nobody accepts
	c.patience = short
	conn, err := net.Dial("unix", filepath.Join(c.Dir(), ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = inTime(t, "reading", func() error {
		_, err := conn.Read(make([]byte, 1))
		return err
	})
	gaveUp(t, c, errors.Join(err, c.late()))
}

// The time that the target takes is not the Worker's.
func TestASlowSourceIsNoReasonToGiveUp(t *testing.T) {
	t.Parallel()
	c, _ := pair(t)
	i := c.impatient(unpack, time.Hour)
	w := counted{io.Discard, i}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if !i.since.IsZero() {
		t.Error("it goes on counting between two writes")
	}
}
