package alert

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// heard is what the model knows of one unit.
type heard struct {
	failed     bool
	noticed    bool           // somebody has looked since it recovered; what fails again before is the same problem
	since      time.Time      // it failed
	firing     map[string]int // messages since then, by channel
	slack      map[string]int // of those, how many may be a repetition, after a kill or a lost state
	recoveries int
	over       map[string]int // messages that it is over, by channel, since the beginning
	overSlack  map[string]int
	lost       bool // the state was lost, and with it what was to be told to be over
}

// TestModelOfAlerts lets units fail and recover, texts change, time pass, channels
// go down, the state get lost and processes be killed between a delivery and its
// record, in random order. Nobody is ever left without a word about a failed unit,
// nobody hears of one more than once a day without a kill, and nobody hears that
// something is over which was never told or is not over. BUGSPARK_SOAK is how long
// it goes on.
func TestModelOfAlerts(t *testing.T) {
	limit := time.Second
	if soak := os.Getenv("BUGSPARK_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		limit = d
	}
	for began := time.Now(); time.Since(began) < limit; {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { playAlerts(t, seed) }) {
			return
		}
	}
}

func playAlerts(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBench(t)
	units := []string{"bugspark-api.service", "bugspark-proxy.service", "bugspark-backup.service"}
	model := map[string]*heard{}
	for _, u := range units {
		model[u] = &heard{firing: map[string]int{}, slack: map[string]int{}, over: map[string]int{}, overSlack: map[string]int{}}
	}
	channels := []*fakeChannel{b.mail, b.hook}
	account := func(killed bool) {
		for _, c := range channels {
			for _, said := range c.take() {
				var key, state string
				if _, err := fmt.Sscan(said, &key, &state); err != nil {
					t.Fatal(err)
				}
				m := model[key]
				told, slack := m.firing, m.slack
				if state == Resolved {
					told, slack = m.over, m.overSlack
				}
				told[c.name]++
				if killed {
					slack[c.name]++
				}
			}
		}
	}
	var log []string
	for range 60 {
		u := units[random.IntN(len(units))]
		m := model[u]
		before, err := os.ReadFile(b.stateFile())
		had := err == nil
		what := random.IntN(9)
		log = append(log, fmt.Sprintf("%s %d %s", b.now.Format("02 15:04"), what, u))
		switch what {
		case 0, 1: // it fails, or fails again with another text
			if !m.failed && !m.noticed && m.recoveries > 0 {
				m.failed, m.recoveries = true, m.recoveries-1
			} else if !m.failed {
				m.failed, m.since, m.firing, m.slack = true, b.now, map[string]int{}, map[string]int{}
			}
			_ = b.fail(t.Context(), u, fmt.Sprintf("text of %d bytes", random.IntN(1000)))
		case 2: // it recovers
			b.units.states[u] = UnitState{Active: "active", Started: b.now}
			if m.failed {
				m.recoveries++
				m.noticed = false
			}
			m.failed = false
		case 3:
			b.now = b.now.Add(time.Duration(random.IntN(30)) * time.Hour)
		case 4:
			c := channels[random.IntN(2)]
			c.down = !c.down
		case 5: // the state is lost or damaged
			if random.IntN(2) == 0 {
				_ = os.Remove(b.stateFile())
			} else if err := os.WriteFile(b.stateFile(), []byte("{\"problems\": ["), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, m := range model {
				m.lost = true
				for _, c := range channels {
					m.slack[c.name]++ // what was told is told again
				}
			}
		case 6: // a review is killed after it has told somebody
			_ = b.Review(t.Context())
			account(true)
			if had {
				if err := os.WriteFile(b.stateFile(), before, 0o600); err != nil {
					t.Fatal(err)
				}
			} else {
				_ = os.Remove(b.stateFile())
			}
		default:
			_ = b.Review(t.Context())
			for _, m := range model {
				m.noticed = true
			}
		}
		account(false)
		for name, m := range model {
			for _, c := range channels {
				days := 0
				if m.failed {
					days = int(b.now.Sub(m.since) / remindAfter)
				}
				if m.failed && m.firing[c.name] > 1+days+m.slack[c.name] {
					t.Fatalf("%s heard %d times within %d days that %s failed (slack %d)\n%s", c.name, m.firing[c.name], days, name, m.slack[c.name], log)
				}
				if m.over[c.name] > m.recoveries+m.overSlack[c.name] {
					t.Fatalf("%s heard %d times that %s is over, which recovered %d times\n%s", c.name, m.over[c.name], name, m.recoveries, log)
				}
			}
		}
	}
	// At last everything works, and an hour passes: nobody is left without a word.
	b.mail.down, b.hook.down = false, false
	for range 3 {
		b.now = b.now.Add(61 * time.Minute)
		if err := b.Review(t.Context()); err != nil {
			t.Fatal(err)
		}
		account(false)
	}
	for name, m := range model {
		for _, c := range channels {
			if m.failed && m.firing[c.name] == 0 {
				t.Errorf("%s never heard that %s failed\n%s", c.name, name, log)
			}
			if !m.failed && m.recoveries > 0 && !m.lost && m.over[c.name] == 0 {
				t.Errorf("%s never heard that %s is over\n%s", c.name, name, log)
			}
		}
	}
	s, _, err := b.read()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Problems {
		if m := model[e.Key]; !m.failed || e.Over != nil {
			t.Errorf("%s is still remembered, over %v, while failed is %v\n%s", e.Key, e.Over, m.failed, log)
		}
	}
}
