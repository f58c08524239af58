package httpapi

import (
	"fmt"
	"testing"
	"time"
)

// One stranger with an IPv6 /48 makes more keys than are kept. Nobody is refused for it,
// and what others have used up stays used up.
func TestOneSiteCannotFillTheLimits(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	a := newAttempts(10, func() time.Time { return now })
	known := func() (bool, error) { return true, nil }
	unknown := func() (bool, error) { return false, nil }
	for range 10 {
		if _, err := a.begin("ada", "203.0.113.9", unknown); err != nil {
			t.Fatal(err)
		}
	}
	for network := range maxKeys/50 + 10 {
		for i := range 50 {
			if _, err := a.begin(fmt.Sprintf("x%d@nowhere", i), fmt.Sprintf("2001:db8:1:%x::/64", network), unknown); err != nil {
				t.Fatalf("address %d of network %d: %v", i, network, err)
			}
		}
	}
	if _, err := a.begin("admin", "192.0.2.7", known); err != nil {
		t.Errorf("the owner, from a network with a session: %v", err)
	}
	for _, network := range []string{"198.51.100.4", "2001:db8:2:1::/64", "2001:db8:1:ffff::/64"} {
		if _, err := a.begin("admin", network, unknown); err != nil {
			t.Errorf("from %s: %v", network, err)
		}
	}
	if _, err := a.begin("ada", "203.0.113.9", unknown); err == nil {
		t.Error("somebody else's bucket was dropped: an eleventh try passed")
	}
	if n := len(a.pairs.keys); n > maxKeys/4 {
		t.Errorf("%d keys are kept", n)
	}
}

// When many sites fill the table, the one that has most makes room.
func TestTheSiteWithMostKeysMakesRoom(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	l := newLimiter(1, func() time.Time { return now })
	take := func(key, site string) error { return l.take(key, site) }
	for i := range 1000 {
		if err := take(fmt.Sprint("modest ", i), fmt.Sprint("site ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for s := range 6 {
		for i := range maxSiteKeys - s {
			if err := take(fmt.Sprint("greedy ", s, " ", i), fmt.Sprint("greedy ", s)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(l.keys) != maxKeys {
		t.Errorf("%d keys are kept", len(l.keys))
	}
	for i := range 1000 {
		if take(fmt.Sprint("modest ", i), fmt.Sprint("site ", i)) == nil {
			t.Fatalf("the bucket of modest site %d was dropped", i)
		}
	}
	if take("greedy 5 19000", "greedy 5") == nil {
		t.Error("a site lost the bucket that it had used last")
	}
	now = now.Add(3 * time.Minute)
	if take("one more", "site") != nil || len(l.keys) != 1 || len(l.sites) != 1 || len(l.ranked) != 1 {
		t.Errorf("after three minutes there are %d keys of %d sites", len(l.keys), len(l.sites))
	}
}
