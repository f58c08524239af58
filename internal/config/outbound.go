package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Outbound is what holds for every connection that this machine opens.
type Outbound struct {
	PlaintextHosts []string `mapstructure:"plaintext_hosts"`
}

func outboundSettings() []Setting {
	return []Setting{
		{Key: "outbound.plaintext_hosts", Default: []string{}, Form: hostName(),
			Doc: "Hosts that may be spoken to by http://, so that keys, pictures and alerts go over the network readable by others. This machine itself always may. Empty: none."},
	}
}

// plaintextIsSaid wants https:// wherever a network lies between, unless somebody
// has said that this network is safe.
func plaintextIsSaid(c Config) string {
	var bad []string
	for _, of := range []struct{ key, url string }{
		{"storage.endpoint", c.Storage.Endpoint}, {"backup.endpoint", c.Backup.Endpoint},
		{"backup.copy.endpoint", c.Backup.Copy.Endpoint}, {"alert.webhook", c.Alert.Webhook},
	} {
		u, err := url.Parse(of.url)
		if err != nil || u.Scheme != "http" || Loopback(u.Hostname()) || slices.Contains(c.Outbound.PlaintextHosts, u.Hostname()) {
			continue
		}
		bad = append(bad, fmt.Sprintf("%s is not encrypted: use https://, or add %s to outbound.plaintext_hosts", of.key, u.Hostname()))
	}
	return strings.Join(bad, "; ")
}

// Loopback tells whether a host is this machine, by its name or address.
func Loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
