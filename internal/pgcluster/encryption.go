package pgcluster

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrDSN is a connection string that libpq could not read either.
var ErrDSN = errors.New("not a connection string")

// CheckEncryption refuses a connection string by which a session over a network would
// go unencrypted without anybody having said so: libpq's default, sslmode=prefer, falls
// back when somebody in between says that the server has no TLS. sslmode=disable is
// taken at its word. The error never holds a password.
func CheckEncryption(dsn string) error {
	c, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDSN, err) // pgconn redacts the password
	}
	type attempt struct {
		host string
		tls  bool
	}
	attempts := []attempt{{c.Host, c.TLSConfig != nil}}
	for _, f := range c.Fallbacks {
		attempts = append(attempts, attempt{f.Host, f.TLSConfig != nil})
	}
	modes := map[string]map[bool]bool{}
	for _, a := range attempts {
		if strings.HasPrefix(a.host, "/") || a.host == "localhost" || net.ParseIP(a.host).IsLoopback() {
			continue
		}
		if modes[a.host] == nil {
			modes[a.host] = map[bool]bool{}
		}
		modes[a.host][a.tls] = true
	}
	for host, m := range modes {
		if m[true] && m[false] {
			return errors.New("the way to " + host + " would be encrypted or not, as whoever is in between likes")
		}
	}
	return nil
}
