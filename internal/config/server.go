package config

import "fmt"

// Server is how the machine is reached. Name is never empty after Load.
type Server struct {
	Name      string `mapstructure:"name"`
	HTTPPort  int    `mapstructure:"http_port"`
	HTTPSPort int    `mapstructure:"https_port"`
}

// PublicURL is the address browsers use, without a trailing slash.
func (s Server) PublicURL() string {
	if s.HTTPSPort == 443 {
		return "https://" + s.Name
	}
	return fmt.Sprintf("https://%s:%d", s.Name, s.HTTPSPort)
}

func serverSettings() []Setting {
	return []Setting{
		{Key: "server.name", Default: "", Form: hostName(),
			Doc: "DNS name under which browsers reach this server. Empty: the machine's host name."},
		{Key: "server.http_port", Default: 80, Min: 1, Max: 65535,
			Doc: "TCP port that redirects to HTTPS and answers ACME challenges."},
		{Key: "server.https_port", Default: 443, Min: 1, Max: 65535,
			Doc: "TCP port that serves everything."},
	}
}

// TLS is where the certificate comes from.
type TLS struct {
	Mode        string `mapstructure:"mode"` // internal, acme, files
	Certificate string `mapstructure:"certificate"`
	Key         string `mapstructure:"key"`
	ACME        ACME   `mapstructure:"acme"`
	HSTS        bool   `mapstructure:"hsts"`
}

// ACME is the certificate authority of TLS mode acme.
type ACME struct {
	Directory string `mapstructure:"directory"`
	Email     string `mapstructure:"email"`
	Root      string `mapstructure:"root"`
}

func tlsSettings() []Setting {
	files, acme := Condition{"tls.mode", "files"}, Condition{"tls.mode", "acme"}
	return []Setting{
		{Key: "tls.mode", Default: "internal", Allowed: []string{"internal", "acme", "files"},
			Doc: "Where the certificate comes from: our own internal CA, an ACME server, or files of yours."},
		{Key: "tls.certificate", Default: "", Applies: files, Required: true, Form: absoluteFile(),
			Doc: "PEM file with the certificate and its chain. Watched; a valid new one is taken up without a restart."},
		{Key: "tls.key", Default: "", Applies: files, Required: true, Form: absoluteFile(),
			Doc: "PEM file with the private key, readable by group bugspark-proxy only."},
		{Key: "tls.acme.directory", Default: "", Applies: acme, Required: true, Form: httpsURL(),
			Doc: "Directory URL of the ACME server."},
		{Key: "tls.acme.email", Default: "", Applies: acme,
			Doc: "Contact address of the account at the ACME server. Optional."},
		{Key: "tls.acme.root", Default: "", Applies: acme,
			Doc: "PEM file of the CA that signed the ACME server's own certificate. Empty: the system's roots."},
		{Key: "tls.hsts", Default: false,
			Doc: "Send Strict-Transport-Security. Turn on once every name works over HTTPS for good."},
	}
}

// Proxy is what the reverse proxy lets through.
type Proxy struct {
	Trusted        []string `mapstructure:"trusted"`
	BodyLimitMiB   int      `mapstructure:"body_limit_mib"`
	HeaderTimeoutS int      `mapstructure:"header_timeout_s"`

	ConnectionsPerAddress int `mapstructure:"connections_per_address"`
}

func proxySettings() []Setting {
	return []Setting{
		{Key: "proxy.trusted", Default: []string{}, Form: network(),
			Doc: "Networks (CIDR) of proxies in front of this server whose X-Forwarded-For is believed."},
		{Key: "proxy.body_limit_mib", Default: 12, Min: 1, Max: 1024, Unit: "MiB",
			Doc: "Largest request body that the proxy lets through."},
		{Key: "proxy.header_timeout_s", Default: 10, Min: 1, Max: 300, Unit: "seconds",
			Doc: "How long a client may take to send its request headers."},
		{Key: "proxy.connections_per_address", Default: 512, Min: 16, Max: 8192,
			Doc: "Connections, and requests under way, that one client address may have: an IPv4 address or the /64 of an IPv6 address. Raise it where many people reach the server through one address, as behind NAT or a VPN; networks of proxy.trusted are exempt."},
	}
}
