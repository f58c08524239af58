package setup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
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
