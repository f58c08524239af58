package setup_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// sameSettings reports whether two files say the same: the first one has comments, and an
// edit may bring its values back without them.
func sameSettings(a, b string) bool {
	now, err := config.Parse("bugspark.yaml", []byte(a), noEnv)
	if err != nil {
		return false
	}
	before, err := config.Parse("bugspark.yaml", []byte(b), noEnv)
	return err == nil && now.Server.HTTPSPort == before.Server.HTTPSPort && now.Limits.PictureMiB == before.Limits.PictureMiB
}

// TestWhatServesIsWhatWasAppliedLast edits and applies at random: valid settings, broken
// ones, ports that are taken, edits that nobody applies, services that crash and start
// again, and applies that are killed between two steps. What serves is always the last
// applied valid configuration, or that of an apply which was killed; and after an apply
// that ends well, nothing runs with the values of another.
// BUGSPARK_TEST_SEED repeats a sequence, BUGSPARK_TEST_STEPS makes it longer.
func TestWhatServesIsWhatWasAppliedLast(t *testing.T) {
	seed, steps := uint64(time.Now().UnixNano()), 60
	if text := os.Getenv("BUGSPARK_TEST_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	if text := os.Getenv("BUGSPARK_TEST_STEPS"); text != "" {
		steps, _ = strconv.Atoi(text)
	}
	t.Logf("BUGSPARK_TEST_SEED=%d, %d steps", seed, steps)
	r := rand.New(rand.NewPCG(seed, 0))

	const taken = 9000
	write := func(port, picture int) string {
		return fmt.Sprintf("server:\n  name: bugs.test\n  https_port: %d\nlimits:\n  picture_mib: %d\n", port, picture)
	}
	valid := func() string { return write(8000+r.IntN(5), 1+r.IntN(8)) }
	file := valid()
	s, m := site(t, file), newManager()
	const api = "bugspark-api.service"
	m.reads = func() string {
		cfg, err := config.LoadInForce(s.Dirs, noEnv)
		return fmt.Sprint(cfg.Limits.PictureMiB, err)
	}
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := setup.Finish(s.Dirs); err != nil {
		t.Fatal(err)
	}
	read := func() string {
		t.Helper()
		data, err := os.ReadFile(s.Dirs.File())
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	applied := read()
	served := applied // differs from applied after an apply that was killed
	for n := range steps {
		edit := applied
		broken := false // it starts, and does not answer
		switch what := r.IntN(10); {
		case served != applied && what < 4: // the edit is taken back
		case what < 4:
			edit = valid()
		case what < 6:
			edit, broken = valid(), true
		case what < 8:
			edit = write(taken, 1+r.IntN(8)) // the socket cannot listen there
		case what < 9:
			edit = "srever:\n  name: bugs.test\n"
		}
		if err := setup.WriteConfig(s.Dirs, []byte(edit)); err != nil {
			t.Fatal(err)
		}
		done := "edited"
		if cfg, err := config.Parse("bugspark.yaml", []byte(edit), noEnv); err == nil && r.IntN(4) > 0 {
			done = "applied"
			now := &setup.Site{Dirs: s.Dirs, Config: cfg, Authority: authority, AuthorityFits: s.AuthorityFits, Now: time.Now}
			c := converger(now, m)
			c.Healthy = func(_ context.Context, asked config.Config) error {
				serves, err := config.LoadInForce(s.Dirs, noEnv)
				switch {
				case err != nil:
					return err
				case asked.Server.HTTPSPort != serves.Server.HTTPSPort:
					return fmt.Errorf("asked at port %d, and it listens at %d", asked.Server.HTTPSPort, serves.Server.HTTPSPort)
				case serves.Server.HTTPSPort == taken:
					return errors.New("the port is taken")
				case broken && edit != applied && read() == edit:
					return errors.New("it does not answer")
				}
				return nil
			}
			ctx, cancel := context.WithCancel(t.Context())
			lives := 1000
			if r.IntN(3) == 0 {
				lives = 1 + r.IntN(12)
			}
			c.Report = func(setup.Change) {
				if lives--; lives == 0 {
					cancel() // this step is the last one
				}
			}
			_, err := c.Apply(ctx)
			killed := ctx.Err() != nil && err != nil
			cancel()
			works := edit == applied || !broken && cfg.Server.HTTPSPort != taken
			if (err == nil) != works && !killed {
				t.Fatalf("step %d: applying\n%s\nled to %v", n, edit, err)
			}
			if killed {
				done = "killed"
				now, err := os.ReadFile(s.Dirs.InForce())
				if err != nil || string(now) != served && string(now) != edit && string(now) != applied {
					t.Fatalf("step %d (%s): what serves is\n%s\n%v", n, done, now, err)
				}
				served = string(now)
			} else if works {
				applied, served = edit, edit
			} else if !strings.Contains(err.Error(), "so the previous one is back; the new one is kept as "+s.Dirs.File()+".refused") {
				t.Fatalf("step %d: applying\n%s\nled to %v", n, edit, err)
			} else if read() != applied {
				t.Fatalf("step %d: what was refused is still in bugspark.yaml:\n%s", n, read())
			} else {
				served = applied
			}
			if !killed && m.runs[api] != m.reads() {
				t.Fatalf("step %d: applying\n%s\nled to %v, and %s runs with %s instead of %s", n, edit, err, api, m.runs[api], m.reads())
			}
			for u, want := range m.dropIns {
				if !killed && m.active[u] && m.ranWith[u] != want {
					t.Fatalf("step %d: applying\n%s\nled to %v, and %s runs with the drop-in\n%s\ninstead of\n%s", n, edit, err, u, m.ranWith[u], want)
				}
			}
		}
		// A service that starts now, for whatever reason, reads this.
		serves, err := os.ReadFile(s.Dirs.InForce())
		if err != nil || string(serves) != served {
			t.Fatalf("step %d (%s): what serves is\n%s\nand not\n%s\n%v", n, done, serves, served, err)
		}
		if unapplied := setup.Unapplied(s.Dirs, noEnv); (unapplied != "") != !sameSettings(read(), served) {
			t.Fatalf("step %d (%s): %q of\n%s\nwhile this is in force\n%s", n, done, unapplied, read(), served)
		}
	}
}
