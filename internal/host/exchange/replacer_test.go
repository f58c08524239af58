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

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

// customers stands for a customer's database: one value, replaced in one step.
type customers struct {
	*stack
	holds string
	mark  string // committed with what it holds
	mute  error  // what asking for the mark ends with
	dumps error  // what reading it ends with
	loads error  // what replacing it ends with
	after bool   // and whether that comes after it was replaced
}

func (c *customers) replacer() *exchange.Replacer {
	return &exchange.Replacer{
		Units: c.stack, Users: []string{"migrate", "api", "api.socket"}, Dir: filepath.Join(c.dir, "kept"), Place: "product on db1",
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
			if c.active["api"] || c.active["api.socket"] {
				c.t.Error("what the database holds is kept while it is written to")
			}
			end := io.Reader(strings.NewReader(""))
			if c.dumps != nil {
				end = failing{c.dumps}
			}
			return io.NopCloser(io.MultiReader(strings.NewReader(c.holds), end)), nil
		},
		Mark: func(context.Context) (string, error) { return c.mark, c.mute },
		Load: func(_ context.Context, dump io.Reader, mark string) error {
			c.tick()
			data, err := io.ReadAll(dump)
			if err != nil {
				return err
			}
			if c.loads == nil || c.after {
				c.holds, c.mark = string(data), mark
			}
			c.tick()
			return c.loads
		},
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func newCustomers(t *testing.T) *customers {
	s := &stack{services: newServices(t, t.TempDir())}
	s.write(filepath.Join(s.dir, "data"), "old") // only the fake database of ours needs it
	s.apply()
	return &customers{stack: s, holds: "old"}
}

func replaced(c *customers) error {
	return c.replacer().Replace(context.Background(), bytes.NewReader([]byte("new")), "set k1")
}

func TestReplacedDataCanBeUndoneOrConfirmed(t *testing.T) {
	t.Parallel()
	for _, undo := range []bool{true, false} {
		c := newCustomers(t)
		if err := replaced(c); err != nil || c.holds != "new" || !c.up() {
			t.Fatalf("replaced: %q, running %v, %v", c.holds, c.up(), err)
		}
		if err := c.replacer().Ready(context.Background()); err == nil || !strings.Contains(err.Error(), "set k1") {
			t.Errorf("a second one before that: %v", err)
		}
		end, want := func() error { return c.replacer().Confirm(context.Background()) }, "new"
		if undo {
			end, want = func() error { return c.replacer().Undo(context.Background()) }, "old"
		}
		if err := end(); err != nil || c.holds != want || !c.up() {
			t.Errorf("undo %v: %q, running %v, %v", undo, c.holds, c.up(), err)
		}
		if left, err := os.ReadDir(filepath.Join(c.dir, "kept")); err != nil || len(left) > 0 {
			t.Errorf("left: %v %v", left, err)
		}
		if err := c.replacer().Ready(context.Background()); err != nil {
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
	other.Mark = func(context.Context) (string, error) { return "", nil }
	if err := other.Undo(context.Background()); err == nil || !strings.Contains(err.Error(), "product on db2") || c.holds != "new" {
		t.Errorf("holds %q, %v", c.holds, err)
	}
	if err := other.Replace(context.Background(), bytes.NewReader([]byte("newer")), "set k2"); err == nil || c.holds != "new" {
		t.Errorf("what is kept of another would be lost: holds %q, %v", c.holds, err)
	}
	if err := c.replacer().Undo(context.Background()); err != nil || c.holds != "old" {
		t.Errorf("where it came from: holds %q, %v", c.holds, err)
	}
	if err := replaced(c); err != nil {
		t.Fatal(err)
	}
	if err := other.Confirm(context.Background()); err != nil || c.replacer().Ready(context.Background()) != nil {
		t.Errorf("given up: %v", err)
	}
}

// TestARecordWithoutAMarkWaits, as an earlier version wrote it.
func TestARecordWithoutAMarkWaits(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	if err := replaced(c); err != nil {
		t.Fatal(err)
	}
	d, _, err := c.replacer().Pending(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d.Mark, c.mark = "", "of another"
	if err := durable.WriteJSON(filepath.Join(c.dir, "kept", "replaced.json"), d, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.replacer().Undo(context.Background()); err != nil || c.holds != "old" {
		t.Errorf("holds %q, %v", c.holds, err)
	}
}

func TestDataThatCannotBeKeptIsNotReplaced(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	c.dumps = errors.New("the server went away")
	if err := replaced(c); err == nil || c.holds != "old" || !c.up() {
		t.Errorf("holds %q, running %v, %v", c.holds, c.up(), err)
	}
	if err := c.replacer().Ready(context.Background()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestAReplacementThatFailsIsToldByTheDatabase breaks the connection before and after
// the commit, and with a database that cannot be asked afterwards.
func TestAReplacementThatFailsIsToldByTheDatabase(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for _, mute := range []error{nil, errors.New("the server went away")} {
			c := newCustomers(t)
			where := fmt.Sprintf("after the commit %v, then %v", after, mute)
			c.loads, c.after, c.mute = errors.New("broken pipe"), after, mute
			if err := replaced(c); err == nil || !c.up() || strings.Contains(err.Error(), "holds what it held") != (!after && mute == nil) {
				t.Errorf("%s: running %v, %v", where, c.up(), err)
			}
			c.loads = nil
			if mute != nil {
				for _, end := range []func(context.Context) error{c.replacer().Undo, c.replacer().Confirm, c.replacer().Ready, c.replacer().Clear} {
					if err := end(context.Background()); err == nil || !strings.Contains(err.Error(), "only the database knows") {
						t.Errorf("%s: %v", where, err)
					}
				}
				c.mute = nil
			}
			c.holds += " and a day of reports"
			want := "old and a day of reports"
			err := c.replacer().Undo(context.Background())
			if after {
				want = "old"
			}
			if (err == nil) != after || c.holds != want {
				t.Errorf("%s: undone to %q %v", where, c.holds, err)
			}
			if left, err := os.ReadDir(filepath.Join(c.dir, "kept")); err != nil || len(left) > 0 {
				t.Errorf("%s: left: %v %v", where, left, err)
			}
		}
	}
}

func TestReplacedDataThatIsNotHealthyGoes(t *testing.T) {
	t.Parallel()
	c := newCustomers(t)
	c.broken = true
	if err := replaced(c); err == nil || c.holds != "old" || !c.up() {
		t.Errorf("holds %q, running %v, %v", c.holds, c.up(), err)
	}
}

// TestReplacingSurvivesAKillAtEveryStep, and undoing: what the database says is
// pending, people work on for a day, and only what was replaced is undone.
func TestReplacingSurvivesAKillAtEveryStep(t *testing.T) {
	t.Parallel()
	const day = " and a day of reports"
	for _, undo := range []bool{false, true} {
		for step := 1; ; step++ {
			c := newCustomers(t)
			work := func() error { return replaced(c) }
			if undo {
				if err := work(); err != nil {
					t.Fatal(err)
				}
				work = func() error { return c.replacer().Undo(context.Background()) }
			}
			c.step, c.killAt = 0, step
			killed, err := dies(work)
			if !killed {
				if err != nil || step < 6 {
					t.Fatalf("undoing %v: only %d steps: %v", undo, step, err)
				}
				break
			}
			c.killAt = 0
			c.apply()
			where := fmt.Sprintf("undoing %v, killed at step %d, the database holds %q", undo, step, c.holds)
			isNew := c.holds == "new"
			c.holds += day
			if _, pending, err := c.replacer().Pending(context.Background()); err != nil || pending != isNew {
				t.Errorf("%s: pending %v %v", where, pending, err)
			}
			if err := c.replacer().Ready(context.Background()); (err != nil) != isNew {
				t.Errorf("%s: ready: %v", where, err)
			}
			want := "old" + day
			if isNew {
				want = "old"
			}
			if err := c.replacer().Undo(context.Background()); (err == nil) != isNew || c.holds != want {
				t.Errorf("%s: undone to %q %v", where, c.holds, err)
			}
			if left, err := os.ReadDir(filepath.Join(c.dir, "kept")); err == nil && len(left) > 0 {
				t.Errorf("%s: left: %v", where, left)
			}
			if err := replaced(c); err != nil || c.holds != "new" {
				t.Errorf("%s: again: %q %v", where, c.holds, err)
			}
		}
	}
}
