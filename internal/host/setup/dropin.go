package setup

import (
	"fmt"
	"path"
	"strings"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/unit"
)

// dropIns are the per-site values that only a unit can carry: ports, schedules,
// directories, files of the customer's. A unit with an empty one has none.
func (c *Converger) dropIns() map[string]string {
	out := map[string]string{}
	for _, name := range c.Set.Names() {
		u, err := c.Set.Unit(name)
		if err != nil {
			continue // Names lists what Unit knows
		}
		d := u.Deployment
		switch {
		case d.Listen != "":
			out[name] = listen(c.Site.Config, d.Listen, u.Socket.ListenStream)
		case d.Calendar != "":
			out[name] = calendar(c.Site.Config, d.Calendar)
		case len(d.Reach) > 0 || d.Certificates != "":
			out[name] = reach(c.Site.Config, d.Reach) + certificates(c.Site.Config, d.Certificates)
		}
	}
	return out
}

func listen(c config.Config, setting, usual string) string {
	value, _ := c.Value(setting)
	if fmt.Sprint(value) == usual {
		return ""
	}
	return fmt.Sprintf("# Written by 'bugspark apply' from %s.\n[Socket]\nListenStream=\nListenStream=%v\n", setting, value)
}

func calendar(c config.Config, setting string) string {
	value, _ := c.Value(setting)
	text := fmt.Sprint(value)
	switch {
	case !config.IsDefault(setting, text):
		return fmt.Sprintf("# Written by 'bugspark apply' from %s.\n[Timer]\nOnCalendar=\nOnCalendar=%s\n", setting, text)
	case setting == "backup.schedule" && !c.Streams():
		// Without WAL nobody saves what is written between two sets.
		return "# Written by 'bugspark apply': your database has no backups of ours but these.\n[Timer]\nOnCalendar=\nOnCalendar=*-*-* 02/4:15\n"
	}
	return ""
}

// reach is what lets a unit reach databases, object stores and targets: the
// directory, or the network, without which it otherwise runs.
func reach(c config.Config, what []string) string {
	network, directories := false, ""
	for _, name := range what {
		place := config.BackupTarget{}
		switch name {
		case "database":
			network = network || c.Database.Mode == "external"
		case "storage":
			network = network || c.Storage.Engine == "s3"
		case "acme":
			network = network || c.TLS.Mode == "acme"
		case "mail":
			network = network || c.Mail.Host != ""
		case "webhook":
			network = network || c.Alert.Webhook != ""
		case "backup.target":
			place = c.Backup.BackupTarget
		case "backup.copy.target":
			place = c.Backup.Copy.BackupTarget
		}
		l, err := place.Locate()
		switch {
		case err != nil || l.Kind == "":
		case l.Kind == "directory":
			// With the dash the service starts although a mount is missing, and reports it.
			directories += fmt.Sprintf("ReadWritePaths=-%s\n", l.Path)
		default:
			network = true
		}
	}
	if network {
		directories += "PrivateNetwork=no\nRestrictAddressFamilies=AF_INET AF_INET6\n"
	}
	if directories == "" {
		return ""
	}
	return "# Written by 'bugspark apply' from where the data, the backups and others are.\n[Service]\n" + directories
}

// certificates hands over the files of the section, of which only the proxy may read
// the key.
func certificates(c config.Config, section string) string {
	if section == "" || c.TLS.Mode != "files" {
		return ""
	}
	out := "[Service]\n"
	for _, directive := range []string{"LoadCredential=tls-certificate:" + specifiers(c.TLS.Certificate), "LoadCredential=tls-key:" + specifiers(c.TLS.Key),
		"SetCredential=tls-certificate:" + backup.NoFile, "SetCredential=tls-key:" + backup.NoFile} {
		out += directive + "\n"
	}
	return out
}

// specifiers keeps systemd from replacing what looks like a specifier in a path. No
// setting has control characters, so that none begins another line.
func specifiers(path string) string { return strings.ReplaceAll(path, "%", "%%") }

// HeldPorts are the ports our own sockets listen on already: those in use by us
// are not taken by somebody else. active tells whether a unit is.
func HeldPorts(set unit.Set, c config.Config, active func(name string) (bool, error)) (map[int]bool, error) {
	held := map[int]bool{}
	for _, name := range set.Names() {
		u, err := set.Unit(name)
		if err != nil {
			return nil, err
		}
		port, ok := c.Value(u.Deployment.Listen)
		if !ok || path.Ext(name) != ".socket" {
			continue
		}
		on, err := active(name)
		if err != nil {
			return nil, err
		}
		if n, ok := port.(int); ok {
			held[n] = on
		}
	}
	return held, nil
}
