package httpapi

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// guessModel says the same as attempts in the plainest way: a bucket is its level and
// when that was.
type guessModel struct {
	now     time.Time
	buckets map[string]*modelBucket
	turns   map[string]time.Time
}

// hair is what two ways to count the same tokens may differ by: a fraction of a
// nanosecond.
const hair = 1e-11

type modelBucket struct {
	level, burst float64
	at           time.Time
}

func (m *guessModel) bucket(key string, perMinute int) *modelBucket {
	b, ok := m.buckets[key]
	if !ok {
		b = &modelBucket{level: float64(perMinute), burst: float64(perMinute), at: m.now}
		m.buckets[key] = b
	}
	b.level = math.Min(b.burst, b.level+m.now.Sub(b.at).Minutes()*b.burst)
	b.at = m.now
	return b
}

func (m *guessModel) take(key string, perMinute int) bool {
	// The real buckets count in whole nanoseconds.
	b := m.bucket(key, perMinute)
	if b.level < 1-hair {
		return false
	}
	b.level--
	return true
}

// TestAttemptsFollowAModel plays random sequences of right and wrong passwords.
// BUGSPARK_SOAK lengthens it, BUGSPARK_TEST_SEED repeats one.
func TestAttemptsFollowAModel(t *testing.T) {
	t.Parallel()
	seed, until := uint64(time.Now().UnixNano()), time.Now().Add(2*time.Second)
	if given := os.Getenv("BUGSPARK_TEST_SEED"); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatal(err)
		}
	}
	if given := os.Getenv("BUGSPARK_SOAK"); given != "" {
		length, err := time.ParseDuration(given)
		if err != nil {
			t.Fatal(err)
		}
		until = time.Now().Add(length)
	}
	t.Logf("seed %d", seed)
	rounds := 0
	for ; rounds == 0 || time.Now().Before(until); rounds++ {
		if log := playAttempts(rand.New(rand.NewPCG(seed+uint64(rounds), 0))); log != nil {
			t.Fatalf("seed %d:\n%s", seed+uint64(rounds), strings.Join(log, "\n"))
		}
	}
	t.Logf("%d sequences", rounds)
}

// playAttempts returns what happened when the two differ.
func playAttempts(random *rand.Rand) []string {
	m := &guessModel{now: time.Unix(1_800_000_000, 0), buckets: map[string]*modelBucket{}, turns: map[string]time.Time{}}
	perMinute := 1 + random.IntN(6)
	a := newAttempts(perMinute, func() time.Time { return m.now })
	networks := []string{"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8:1:1::/64", "2001:db8:1:2::/64", "2001:db8:2:1::/64", "192.0.2.9"}
	var log []string
	for range 400 {
		if random.IntN(3) == 0 {
			m.now = m.now.Add(time.Duration(random.Int64N(int64(20 * time.Second))))
		}
		account, network := fmt.Sprint("a", random.IntN(2)), networks[random.IntN(len(networks))]
		familiar := network == "192.0.2.9"
		right := random.IntN(4) == 0
		try, err := a.begin(account, network, func() (bool, error) { return familiar, nil })
		admitted, wait := m.begin(account, network, perMinute, familiar)
		log = append(log, fmt.Sprintf("%s %s at %s, right %v: %v after %s, the model %v after %s", network, account, m.now.Format("05.000"), right, err, try.wait, admitted, wait))
		if (err == nil) != admitted || (admitted && (try.wait-wait).Abs() > time.Millisecond) {
			return log
		}
		// The owner's network is refused for its own failures only, and never waits.
		if familiar && try.wait > 0 || try.wait > longestQueue {
			return log
		}
		if err != nil {
			continue
		}
		if right {
			try.succeeded()
			m.succeeded(account, network, perMinute, wait >= 0 && try.guarding)
		} else {
			try.failed(familiar)
			if !familiar {
				m.take("account "+account, guardAfter)
			}
		}
	}
	return nil
}

func (m *guessModel) begin(account, network string, perMinute int, familiar bool) (bool, time.Duration) {
	if !m.take("network "+network, networkAccounts*perMinute) {
		return false, 0
	}
	if !m.take("pair "+account+network, perMinute) {
		m.bucket("network "+network, networkAccounts*perMinute).level++
		return false, 0
	}
	if m.bucket("account "+account, guardAfter).level >= 1-hair || familiar {
		return true, 0
	}
	if !m.take("guarded "+account+site(network), 1) {
		return false, 0
	}
	at := m.turns[account]
	if at.Before(m.now) {
		at = m.now
	}
	if at.Sub(m.now) > longestQueue {
		return false, 0
	}
	m.turns[account] = at.Add(turn)
	return true, at.Sub(m.now)
}

func (m *guessModel) succeeded(account, network string, perMinute int, guarded bool) {
	m.bucket("network "+network, networkAccounts*perMinute).level++
	m.bucket("pair "+account+network, perMinute).level++
	if guarded {
		m.bucket("guarded "+account+site(network), 1).level++
	}
}

// However many networks a stranger has, an account is tried so often and not oftener;
// and the owner passes, late at worst.
func TestGuessesAtAnAccountAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	a := newAttempts(10, func() time.Time { return now })
	stranger := func() (bool, error) { return false, nil }
	looked := 0
	for i := range 60 * 20 { // for an hour, 1200 networks, each in the moment
		for j := range 3 {
			if try, err := a.begin("ada", fmt.Sprintf("10.%d.%d.1", i, j), stranger); err == nil {
				looked++
				try.failed(false)
			}
		}
		now = now.Add(3 * time.Second)
	}
	if most := 10 + 60*(10+30) + 20; looked > most || looked < 60 {
		t.Errorf("%d guesses in an hour, at most %d should be", looked, most)
	}
	if _, err := a.begin("ada", "192.0.2.9", func() (bool, error) { return true, nil }); err != nil {
		t.Errorf("the owner, from where she is known: %v", err)
	}
	now = now.Add(longestQueue)
	try, err := a.begin("ada", "192.0.2.10", stranger)
	if err != nil || try.wait > longestQueue {
		t.Errorf("the owner, from a new place: %v after %s", err, try.wait)
	}
}
