package internalca

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// Local are the names that somebody on the machine itself may type.
func Local() []string { return []string{"localhost", "127.0.0.1", "::1"} }

// constrain lets an authority sign for these names only. A name stands for those
// below it as well, as RFC 5280 has it. There is always a name of each kind, so
// that neither kind is left open.
func constrain(c *x509.Certificate, names []string) {
	for _, name := range names {
		ip := net.ParseIP(name)
		switch {
		case ip == nil:
			c.PermittedDNSDomains = append(c.PermittedDNSDomains, strings.ToLower(name))
		case ip.To4() != nil:
			c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: ip.To4(), Mask: net.CIDRMask(32, 32)})
		default:
			c.PermittedIPRanges = append(c.PermittedIPRanges, &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)})
		}
	}
}

// mayName refuses what clients would refuse.
func (i *Issuer) mayName(hosts []string, addresses []net.IP) error {
	names := slices.Clone(hosts)
	for _, ip := range addresses {
		names = append(names, ip.String())
	}
	for _, name := range names {
		if !i.Permits(name) {
			return fault.New(fault.Failed, "bugspark apply", "the internal certificate authority may sign for %s only, not for %s",
				strings.Join(i.intermediate.PermittedDNSDomains, ", "), name)
		}
	}
	return nil
}

// Permits tells whether the authority may sign for a name.
func (i *Issuer) Permits(name string) bool {
	if ip := net.ParseIP(name); ip != nil {
		return slices.ContainsFunc(i.intermediate.PermittedIPRanges, func(n *net.IPNet) bool { return n.Contains(ip) })
	}
	name = strings.ToLower(name)
	return slices.ContainsFunc(i.intermediate.PermittedDNSDomains, func(d string) bool {
		return name == d || strings.HasSuffix(name, "."+d)
	})
}
