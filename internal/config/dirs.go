package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// LookupEnv is os.LookupEnv or a test's replacement.
type LookupEnv func(string) (string, bool)

// Dirs are the directories of an installation.
type Dirs struct {
	Config string // /etc/bugspark
	State  string // /var/lib/bugspark
	Run    string // /run/bugspark
	// Backups is the target that setup makes where nothing else is said:
	// /var/backups/bugspark. Empty: it makes none, as for the foreground runner.
	Backups string
}

// DirsFrom reads the directories from BUGSPARK_CONFIG_DIR, BUGSPARK_STATE_DIR,
// BUGSPARK_RUN_DIR and BUGSPARK_BACKUPS_DIR, which only the foreground runner and
// tests set.
func DirsFrom(env LookupEnv) Dirs {
	get := func(name, otherwise string) string {
		if v, ok := env(name); ok && v != "" {
			return v
		}
		return otherwise
	}
	return Dirs{
		Config:  get("BUGSPARK_CONFIG_DIR", "/etc/bugspark"),
		State:   get("BUGSPARK_STATE_DIR", "/var/lib/bugspark"),
		Run:     get("BUGSPARK_RUN_DIR", "/run/bugspark"),
		Backups: get("BUGSPARK_BACKUPS_DIR", "/var/backups/bugspark"),
	}
}

// File is the path of bugspark.yaml.
func (d Dirs) File() string { return filepath.Join(d.Config, "bugspark.yaml") }

// Applied is the configuration that 'bugspark apply' put in force last, which every
// service and command works with. It is root's, readable by all. Only setup, plan, apply
// and config read bugspark.yaml itself: an edit must change nothing before it is applied,
// also when a service restarts meanwhile. The foreground runner has none.
func (d Dirs) Applied() string { return filepath.Join(d.State, "applied.yaml") }

// InForce is the file with the configuration in force: bugspark.yaml where nothing was
// applied yet.
func (d Dirs) InForce() string {
	if _, err := os.Stat(d.Applied()); err == nil {
		return d.Applied()
	}
	return d.File()
}

// CredentialFile is where root keeps the named secret.
func (d Dirs) CredentialFile(name string) string {
	return filepath.Join(d.Config, "credentials", name)
}

// Socket is the path of one of our unix sockets, such as "api".
func (d Dirs) Socket(name string) string { return filepath.Join(d.Run, name+".sock") }

// PostgresSocketDir is the directory of PostgreSQL's socket (libpq's host).
func (d Dirs) PostgresSocketDir() string { return filepath.Join(d.Run, "postgresql") }

// ReadCredential returns a secret handed to this process by LoadCredential=,
// or, for a command run by root outside a unit, the file root keeps. A missing
// file is an error; an empty one is an unused secret.
func ReadCredential(env LookupEnv, d Dirs, name string) (string, error) {
	path := d.CredentialFile(name)
	if dir, ok := env("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		path = filepath.Join(dir, name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("reading credential %s: %w", name, err)
	}
	return strings.TrimRight(string(data), "\n"), nil
}
