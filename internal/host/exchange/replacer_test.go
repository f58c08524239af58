package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/host/exchange"
)

// customers stands for a customer's database: one value, replaced in one step.
type customers struct {
	*stack
	holds string
	dumps error // what reading it ends with
	loads error // what replacing it ends with
	after bool  // and whether that comes after it was replaced
}

func (c *customers) replacer() *exchange.Replacer {
	return &exchange.Replacer{
		Units: c.stack, Users: []string{"migrate", "api"}, Dir: filepath.Join(c.dir, "kept"), Place: "product on db1",
		Healthy: func(context.Context) error {
			c.tick()
			if c.broken && c.holds == "new" {
				return errors.New("not healthy")
			}
			return nil
		},
		Report: func(string) { c.tick() },
		Dump: func(context.Context) (io.ReadCloser, error) {
			c.tick()
			if c.running {
				c.t.Error("what the database holds is kept while it is written to")
			}
			end := io.Reader(strings.NewReader(""))
			if c.dumps != nil {
				end = failing{c.dumps}
			}
			return io.NopCloser(io.MultiReader(strings.NewReader(c.holds), end)), nil
		},
		Load: func(_ context.Context, dump io.Reader) error {
			c.tick()
			data, err := io.ReadAll(dump)
			if err != nil {
				return err
			}
			if c.loads == nil || c.after {
				c.holds = string(data)
			}
			c.tick()
			return c.loads
		},
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func newCustomers(t *testing.T) *customers {
	return &customers{stack: &stack{t: t, dir: t.TempDir(), running: true}, holds: "old"}
}

func replaced(c *customers) error {
	return c.replacer().Replace(context.Background(), bytes.NewReader([]byte("new")), "set k1")
}

func TestReplacedDataCanBeUndoneOrConfirmed(t *testing.T) {
	t.Parallel()
	for _, undo := range []bool{true, false} {
		c := newCustomers(t)
		if err := replaced(c); err != nil || c.holds != "new" || !c.running {
			t.Fatalf("replaced: %q, running %v, %v", c.holds, c.running, err)
		}
		if err := c.replacer().Ready(); err == nil || !strings.Contains(err.Error(), "set k1") {
			t.Errorf("a second one before that: %v", err)
		}
		end, want := c.replacer().Confirm, "new"
		if undo {
			end, want = func() error { return c.replacer().Undo(context.Background()) }, "old"
		}
		if err := end(); err != nil || c.holds != want || !c.running {
			t.Errorf("undo %v: %q, running %v, %v", undo, c.holds, c.running, err)
		}
		if left, err := os.ReadDir(filepath.Join(c.dir, "kept")); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
		if err := c.replacer().Ready(); err != nil {
			t.Error(err)
		}
		if err := c.replacer().Undo(context.Background()); err == nil {
			t.Error("nothing was undone without a complaint")
		}
	}
}

// TestWhatWasKeptOfOneDatabaseDoesNotReplaceAnother leads database-dsn elsewhere
// between a restore and its undo.
func TestWhatWasKeptOfOneDatabaseDoesNotReplaceAnother(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	if err := replaced(c); err != nil {
		t.Fatal(err)
	}
	other := c.replacer()
	other.Place = "product on db2"
	if err := other.Undo(context.Background()); err == nil || !strings.Contains(err.Error(), "product on db2") || c.holds != "new" {
		t.Errorf("holds %q, %v", c.holds, err)
	}
	if err := c.replacer().Undo(context.Background()); err != nil || c.holds != "old" {
		t.Errorf("where it came from: holds %q, %v", c.holds, err)
	}
}

func TestDataThatCannotBeKeptIsNotReplaced(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	c.dumps = errors.New("the server went away")
	if err := replaced(c); err == nil || c.holds != "old" || !c.running {
		t.Errorf("holds %q, running %v, %v", c.holds, c.running, err)
	}
	if err := c.replacer().Ready(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestAReplacementOfUnknownEndKeepsTheOldData breaks the connection before and
// after the commit: undo leads to the old data both times.
func TestAReplacementOfUnknownEndKeepsTheOldData(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		c := newCustomers(t)
		c.loads, c.after = errors.New("broken pipe"), after
		if err := replaced(c); err == nil || !c.running {
			t.Errorf("running %v, %v", c.running, err)
		}
		c.loads = nil
		if err := c.replacer().Undo(context.Background()); err != nil || c.holds != "old" {
			t.Errorf("after the commit %v: undone to %q %v", after, c.holds, err)
		}
	}
}

func TestReplacedDataThatIsNotHealthyGoes(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	c.broken = true
	if err := replaced(c); err == nil || c.holds != "old" || !c.running {
		t.Errorf("holds %q, running %v, %v", c.holds, c.running, err)
	}
}

// TestReplacingSurvivesAKillAtEveryStep: the database holds the old data or the
// new, and as long as it may be the new, undo knows the old.
func TestReplacingSurvivesAKillAtEveryStep(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		c := newCustomers(t)
		c.killAt = step
		killed, err := dies(func() error { return replaced(c) })
		if !killed {
			if step < 8 {
				t.Fatalf("only %d steps: %v", step, err)
			}
			return
		}
		c.killAt = 0
		where := fmt.Sprintf("killed at step %d, the database holds %q", step, c.holds)
		_, pending, err := c.replacer().Pending()
		if err != nil || (c.holds == "new" && !pending) {
			t.Errorf("%s: pending %v %v", where, pending, err)
		}
		if pending {
			if err := c.replacer().Undo(context.Background()); err != nil || c.holds != "old" {
				t.Errorf("%s: undone to %q %v", where, c.holds, err)
			}
		}
		if err := replaced(c); err != nil || c.holds != "new" {
			t.Errorf("%s: again: %q %v", where, c.holds, err)
		}
	}
}
