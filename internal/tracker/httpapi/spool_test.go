package httpapi

import (
	"fmt"
	"testing"
)

// One stranger has the 65,536 networks of an IPv6 /48, and may have a body from each.
func TestOneSiteCannotFillTheSpool(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"large bodies": 10 << 20, "small bodies": 40 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSpool(t.TempDir())
			bodies := 0
			for network := range 5000 {
				if _, err := s.enter(fmt.Sprintf("2001:db8:1:%x::/64", network), size); err == nil {
					bodies++
				}
			}
			if s.bytes > siteBytes || bodies > siteBodies || bodies < 8 {
				t.Errorf("one site has %d bodies, %d MiB", bodies, s.bytes>>20)
			}
			if _, err := s.enter("192.0.2.7", size); err != nil {
				t.Errorf("somebody else: %v", err)
			}
		})
	}
}

// When many sites have filled the whole, each further one may have one body.
func TestAFullSpoolTakesOneBodyOfASite(t *testing.T) {
	t.Parallel()
	s := newSpool(t.TempDir())
	var leaves []func()
	for i := range 200 {
		leave, err := s.enter(fmt.Sprintf("10.0.0.%d", i), 10<<20)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
	}
	for range 2 {
		leave, err := s.enter("2001:db8:1:1::/64", 10<<20)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
		for _, network := range []string{"2001:db8:1:1::/64", "2001:db8:1:2::/64", "10.0.0.1"} {
			if _, err := s.enter(network, 10<<20); err == nil {
				t.Errorf("%s has a second body", network)
			}
		}
		leaves[len(leaves)-1]()
		leaves = leaves[:len(leaves)-1]
	}
	for _, leave := range leaves {
		leave()
	}
	if s.bytes != 0 || s.bodies != 0 || len(s.networks) != 0 || len(s.sites) != 0 {
		t.Errorf("what is left: %d bytes, %d bodies, %v, %v", s.bytes, s.bodies, s.networks, s.sites)
	}
}

// Small bodies by the thousand take files and buffers, so their number counts too.
func TestTheSpoolHasSoManyBodies(t *testing.T) {
	t.Parallel()
	s := newSpool(t.TempDir())
	for i := range spoolBodies {
		if _, err := s.enter(fmt.Sprintf("10.0.%d.%d", i/250, i%250), 40<<10); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.enter("10.0.0.1", 40<<10); err == nil {
		t.Error("a second body of an address beyond the number")
	}
	if _, err := s.enter("192.0.2.7", 40<<10); err != nil {
		t.Errorf("somebody new: %v", err)
	}
}
