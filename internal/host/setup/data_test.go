package setup_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// A change to other data that is taken back must leave the backups of the data that stays
// in use what they are.
func TestOtherDataThatIsRefusedLeavesTheBackupsTheirWorth(t *testing.T) {
	const before = "server:\n  name: bugs.test\n"
	s, m := site(t, before), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := setup.Finish(s.Dirs); err != nil {
		t.Fatal(err)
	}
	begun := 0
	apply := func(healthy error) error {
		t.Helper()
		const after = before + "storage:\n  engine: filesystem\n"
		if err := setup.WriteConfig(s.Dirs, []byte(after)); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Parse("bugspark.yaml", []byte(after), noEnv)
		if err != nil {
			t.Fatal(err)
		}
		c := converger(&setup.Site{Dirs: s.Dirs, Config: cfg, Authority: authority, AuthorityFits: s.AuthorityFits, Now: time.Now, OtherData: func() error { begun++; return nil }}, m)
		c.StartEmpty = true
		c.Healthy = func(_ context.Context, asked config.Config) error {
			if asked.Storage.Engine == cfg.Storage.Engine {
				return healthy
			}
			return nil
		}
		_, err = c.Apply(t.Context())
		return err
	}
	if err := apply(errors.New("it does not answer")); err == nil {
		t.Fatal("what does not answer was applied")
	}
	if begun != 0 {
		t.Error("the sets of the data that stays in use prove nothing any more")
	}
	if err := apply(nil); err != nil {
		t.Fatal(err)
	}
	if begun != 1 {
		t.Errorf("with other data in use, the backups began anew %d times", begun)
	}
}

// Another connection string may lead to another database, in which nothing is.
func TestAnotherDatabaseOfTheSameModeIsRefused(t *testing.T) {
	const external = "server:\n  name: bugs.test\ndatabase:\n  mode: external\n"
	s, m := site(t, external), newManager()
	populated, answers, begun := true, error(nil), 0
	s.Populated = func(context.Context) (bool, error) { return populated, answers }
	s.OtherData = func() error { begun++; return nil }
	apply := func(startEmpty bool) error {
		c := converger(s, m)
		c.StartEmpty = startEmpty
		_, err := c.Apply(t.Context())
		return err
	}
	populated = false // before the installation is finished nothing can be left behind
	if err := apply(false); err != nil {
		t.Fatal(err)
	}
	if err := setup.Finish(s.Dirs); err != nil {
		t.Fatal(err)
	}
	populated = true
	if err := apply(false); err != nil || begun != 0 {
		t.Fatalf("with the accounts that were there: %v, %d", err, begun)
	}
	populated, answers = false, errors.New("connection refused")
	if err := apply(false); err != nil || begun != 0 {
		t.Fatalf("a database that does not answer is no empty one: %v, %d", err, begun)
	}
	answers = nil
	err := apply(false)
	if err == nil || !strings.Contains(err.Error(), "credential database-dsn") || !strings.Contains(fault.Hints(err)[0], "--start-empty") || !strings.Contains(fault.Hints(err)[0], "credentials/database-dsn as before") {
		t.Errorf("an empty database: %v, %q", err, fault.Hints(err))
	}
	if _, err := converger(s, m).Plan(t.Context()); err == nil {
		t.Error("the plan says nothing of it")
	}
	if err := apply(true); err != nil || begun != 1 {
		t.Errorf("with --start-empty: %v, %d", err, begun)
	}
}
