package config

import (
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// BackupTarget is where backups are kept.
type BackupTarget struct {
	Target   string `mapstructure:"target"`
	Endpoint string `mapstructure:"endpoint"`
	Region   string `mapstructure:"region"`
	HostKey  string `mapstructure:"host_key"`
	LockDays int    `mapstructure:"lock_days"`
}

// Place names where the backups lie: another place is another target, to which
// nothing was brought yet.
func (p BackupTarget) Place() string {
	if p.Endpoint != "" && strings.HasPrefix(p.Target, "s3://") {
		return p.Target + " at " + p.Endpoint
	}
	return p.Target
}

// Location is a backup target, taken apart.
type Location struct {
	Kind string // directory, s3, sftp
	Path string // of a directory; without slashes at its ends, the prefix in a bucket
	Host string // bucket; or host and port of an SFTP server
	User string
}

// Locate takes the target apart. The zero Location is none.
func (p BackupTarget) Locate() (Location, error) {
	t := p.Target
	wrong := func(why string) (Location, error) {
		return Location{}, fault.New(fault.Usage, "write it as /DIRECTORY, s3://BUCKET/PREFIX or sftp://USER@HOST/DIRECTORY", "the backup target %q cannot be used: %s", t, why)
	}
	switch {
	case t == "":
		return Location{}, nil
	case strings.ContainsAny(t, " \t\n\"'\\%"):
		return wrong("it must have no spaces, quotes or percent signs")
	case !strings.Contains(t, "://"):
		return directory(t, wrong)
	}
	u, err := url.Parse(t)
	switch {
	case err != nil:
		return wrong("it is no URL")
	case u.RawQuery != "" || u.Fragment != "" || u.Host == "":
		return wrong("something is missing, or too much")
	}
	if _, secret := u.User.Password(); secret {
		return wrong("a password does not belong into it")
	}
	switch u.Scheme {
	case "s3":
		if u.User != nil || u.Port() != "" {
			return wrong("of a bucket it names nothing but the bucket; the service is backup.endpoint")
		}
		return Location{Kind: "s3", Host: u.Host, Path: strings.Trim(path.Clean("/"+u.Path), "/")}, nil
	case "sftp":
		if u.User.Username() == "" || len(u.Path) < 2 || path.Clean(u.Path) != u.Path {
			return wrong("of an SFTP server it names an account and an absolute directory without a slash at its end")
		}
		host := u.Host
		if u.Port() == "" {
			host = net.JoinHostPort(u.Hostname(), "22")
		}
		return Location{Kind: "sftp", Host: host, Path: u.Path, User: u.User.Username()}, nil
	}
	return wrong("there are no targets of the kind " + u.Scheme)
}

func directory(t string, wrong func(string) (Location, error)) (Location, error) {
	if !filepath.IsAbs(t) || filepath.Clean(t) != t {
		return wrong("it must be an absolute path without a slash at its end")
	}
	for _, hidden := range []string{"/home", "/root", "/run/user", "/tmp", "/var/tmp", "/dev", "/proc", "/sys"} {
		if t == hidden || strings.HasPrefix(t, hidden+"/") {
			return wrong("the services do not see what is below " + hidden)
		}
	}
	return Location{Kind: "directory", Path: t}, nil
}
