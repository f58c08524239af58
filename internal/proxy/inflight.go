package proxy

import (
	"net/netip"
	"sync"
)

// inflight bounds the requests under way of one client network, and of one site: HTTP/2
// carries a hundred on one connection. Beyond manyRequests in all, a network with more
// than fewRequests is refused, so that nobody with a page open is.
type inflight struct {
	perNetwork int
	perSite    int

	mu       sync.Mutex
	all      int
	networks map[netip.Prefix]int
	sites    map[netip.Prefix]int // those of more than one network
}

const (
	manyRequests = 8192
	siteRequests = manyRequests / 2
	fewRequests  = 8
)

func newInflight(perNetwork int) *inflight {
	return &inflight{
		perNetwork: perNetwork, perSite: max(perNetwork, siteRequests),
		networks: map[netip.Prefix]int{}, sites: map[netip.Prefix]int{},
	}
}

// enter counts a request, unless its network or its site has too many and is not exempt.
func (f *inflight) enter(network netip.Prefix, exempt bool) bool {
	site := siteOf(network)
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.networks[network]
	if !exempt && (n >= f.perNetwork || (f.all >= manyRequests && n >= fewRequests)) {
		return false
	}
	if site != network {
		of := f.sites[site]
		if !exempt && of >= f.perSite {
			return false
		}
		f.sites[site] = of + 1
	}
	f.networks[network] = n + 1
	f.all++
	return true
}

func (f *inflight) leave(network netip.Prefix) {
	site := siteOf(network)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if f.networks[network]--; f.networks[network] == 0 {
		delete(f.networks, network)
	}
	if site == network {
		return
	}
	if f.sites[site]--; f.sites[site] == 0 {
		delete(f.sites, site)
	}
}
