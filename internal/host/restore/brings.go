package restore

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
)

// Brought is one thing that the configuration of a set makes of a new machine.
type Brought struct {
	What string `json:"what"`
	Text string `json:"text"`
}

// Brings tells what the set makes of a new machine: on what it will listen, whom it will
// talk to and what it will run. Whoever made the set has chosen that, so that somebody
// should look at it before it happens. It is empty on a machine that is set up.
func (p *Plan) Brings() []Brought {
	if !p.NewMachine {
		return nil
	}
	c := p.Config
	var out []Brought
	add := func(what, text string) {
		if text != "" {
			out = append(out, Brought{what, text})
		}
	}
	add("is", c.Server.PublicURL())
	add("listens on", fmt.Sprintf("TCP ports %d and %d", c.Server.HTTPPort, c.Server.HTTPSPort))
	add("believes", strings.Join(c.Proxy.Trusted, ", "))
	if c.TLS.Mode == "acme" {
		add("talks to", "ACME server "+c.TLS.ACME.Directory)
		add("reads", c.TLS.ACME.Root)
	}
	if c.TLS.Mode == "files" {
		add("reads", c.TLS.Certificate+" and "+c.TLS.Key)
	}
	if c.Database.Mode == "external" {
		add("talks to", "database "+databaseHosts(p.files[backup.CredentialsDir+"database-dsn"]))
		if c.Backup.Stream {
			add("talks to", "database "+databaseHosts(p.files[backup.CredentialsDir+"replication-dsn"])+" for its WAL")
		}
	}
	if c.Storage.Engine == "s3" {
		add("talks to", "object store "+c.Storage.Endpoint+", bucket "+c.Storage.Bucket)
	}
	if c.Storage.Engine == "minio" {
		add("runs", c.Storage.MinIOBinary)
	}
	add("saves to", c.Backup.Place())
	add("copies to", c.Backup.Copy.Place())
	if c.Mail.Host != "" {
		add("talks to", "mail server "+net.JoinHostPort(c.Mail.Host, fmt.Sprint(c.Mail.Port)))
	}
	add("mails", strings.Join(c.Alert.MailTo, ", "))
	if c.Alert.Webhook != "" {
		add("talks to", "webhook at "+hostOf(c.Alert.Webhook)) // the rest of the URL is a secret
	}
	add("talks unencrypted to", strings.Join(c.Outbound.PlaintextHosts, ", "))
	for inside := range p.files {
		if name, override := strings.CutPrefix(inside, backup.OverridesDir); override && wanted(inside) {
			add("sets", "PostgreSQL by postgresql.conf.d/"+name)
		}
	}
	for _, moved := range p.moved {
		add("changes", moved)
	}
	for _, ignored := range p.Ignored() {
		add("leaves out", fmt.Sprintf("%q of the set, for which there is no place", ignored))
	}
	slices.SortStableFunc(out, func(a, b Brought) int { return strings.Compare(rank(a.What), rank(b.What)) })
	return out
}

// open asks whether a new machine is to become what the set says, and opens it only then.
func (p *Plan) open(ctx context.Context, q Request) (err error) {
	if p.NewMachine && q.Agree != nil {
		if err := q.Agree(p); err != nil {
			return err
		}
	}
	p.machine, err = p.r.Open(ctx, p.Config)
	return err
}

// Reaches tells whether the preparations already talk to what the set names, or read it.
func (p *Plan) Reaches() bool {
	return p.NewMachine && (p.Config.Database.Mode == "external" || p.Config.Storage.Engine == "s3" || p.Config.TLS.Mode == "files")
}

// rank keeps the order above, but for files that come in no order.
func rank(what string) string {
	if what == "sets" || what == "leaves out" {
		return "1 " + what
	}
	return "0"
}

// hostOf is the host of a URL, with its port.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "an address that cannot be read"
	}
	return u.Host
}

// dsnPlace finds what a connection string of keywords says of places.
var dsnPlace = regexp.MustCompile(`\b(host|hostaddr|port|service)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']+)`)

// databaseHosts are the places in a connection string, which holds a password. pgx would
// read the files that it names, before anybody has agreed to any of it.
func databaseHosts(dsn []byte) string {
	text := strings.TrimSpace(string(dsn))
	if text == "" {
		return "of the connection string database-dsn"
	}
	var found []string
	if strings.Contains(text, "://") {
		if u, err := url.Parse(text); err == nil {
			found = append(found, u.Host)
			for _, key := range []string{"host", "hostaddr", "port", "service"} {
				for _, value := range u.Query()[key] {
					found = append(found, key+"="+value)
				}
			}
		}
	} else {
		for _, m := range dsnPlace.FindAllStringSubmatch(text, -1) {
			found = append(found, m[1]+"="+strings.Trim(m[2], "'"))
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return s == "" })
	if len(found) == 0 {
		return "at an address that cannot be read"
	}
	return fmt.Sprintf("%q", strings.Join(found, " "))
}
