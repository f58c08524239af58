package proxy

import (
	"fmt"
	"net/netip"
	"testing"
)

// Ten thousand connections from as many networks of one IPv6 /48 could each carry
// requests.
func TestOneSiteHasSoManyRequestsUnderWay(t *testing.T) {
	t.Parallel()
	f := newInflight(512)
	var held []netip.Prefix
	for i := range 10_000 {
		network := netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i))
		if f.enter(network, false) {
			held = append(held, network)
		}
	}
	if len(held) != siteRequests {
		t.Errorf("one site has %d requests under way", len(held))
	}
	for range 100 { // more than the few that remain to each when there are too many in all
		for _, other := range []string{"192.0.2.7/32", "2001:db8:2::/64"} {
			if !f.enter(netip.MustParsePrefix(other), false) {
				t.Fatalf("%s is refused", other)
			}
		}
	}
	if !f.enter(netip.MustParsePrefix("2001:db8:1::/64"), true) {
		t.Error("a trusted proxy of that site is refused")
	}
	f.leave(netip.MustParsePrefix("2001:db8:1::/64"))
	for _, network := range held {
		f.leave(network)
	}
	if f.all != 200 || len(f.networks) != 2 || len(f.sites) != 1 {
		t.Errorf("%d are under way, of %d networks and %d sites", f.all, len(f.networks), len(f.sites))
	}
	wide := newInflight(6000) // many people behind one address
	for i := range 6000 {
		if !wide.enter(netip.MustParsePrefix("2001:db8:1::/64"), false) {
			t.Fatalf("request %d of an address that may have 6000 is refused", i+1)
		}
	}
}
