package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
)

// Two addresses were enough to keep the administrator out.
func TestStrangersCannotLockTheOwnerOut(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{LoginsPerAddress: 10})
	s.account(t, "ada@example.org", nil)
	try := func(from, password string) answer {
		return s.nobody(t, "X-Forwarded-For", from).do("POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": password})
	}
	if a := try("192.0.2.7", secretWord); a.status != 200 { // a place that she is known from
		t.Fatalf("%d %s", a.status, a.raw)
	}
	refused := 0
	for i := range 24 {
		if a := try(fmt.Sprintf("198.51.100.%d", i%2), "guess"); a.status == 429 {
			refused++
		} else if a.status != 401 {
			t.Fatalf("a guess: %d %s", a.status, a.raw)
		}
	}
	if refused == 0 {
		t.Error("24 guesses were not slowed down")
	}
	for from, who := range map[string]string{"192.0.2.7": "from where she is known", "203.0.113.9": "from a new place", "2001:db8::1": "over IPv6"} {
		if a := try(from, secretWord); a.status != 200 {
			t.Errorf("the owner %s: %d %s", who, a.status, a.raw)
		}
	}
}

// Right passwords do not count: many people sit behind one address.
func TestAWholeOfficeSignsInAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{LoginsPerAddress: 3})
	s.account(t, "ada@example.org", nil)
	n := s.nobody(t, "X-Forwarded-For", "192.0.2.7")
	for range 8 {
		n.want(200, "POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": secretWord})
	}
}

// A network of many addresses gets no more guesses by it.
func TestGuessingFromManyNetworksIsSlow(t *testing.T) {
	t.Parallel()
	s := newServer(t, config.Limits{LoginsPerAddress: 10})
	s.account(t, "ada@example.org", nil)
	looked, begun := 0, time.Now()
	for i := range 40 {
		from := fmt.Sprintf("2001:db8:1:%x::1", i) // one /48
		if a := s.nobody(t, "X-Forwarded-For", from).do("POST", "/auth/login", map[string]any{"email": "ada@example.org", "password": "guess"}); a.status == 401 {
			looked++
		}
	}
	// The burst, what came back meanwhile, and one try of the whole /48 a minute.
	if most := 12 + 12*int(1+time.Since(begun).Minutes()); looked > most {
		t.Errorf("%d of 40 guesses were looked at, at most %d should be", looked, most)
	}
}
