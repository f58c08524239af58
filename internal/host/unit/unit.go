// Package unit reads the shipped unit files and their drop-ins into a typed set.
// What runs is described there and nowhere else; the consumers (systemd, the
// foreground runner, setup, the restore, the supervisor) read this set.
//
// Drop-ins are merged as systemd does it (systemd.unit(5)). Those of bugspark-a-b.service
// lie in bugspark-a-b.service.d, bugspark-a-.service.d and bugspark-.service.d, those of
// the instances of bugspark-c@.service in bugspark-c@.service.d as well. They are read
// after the unit file, in the order of their file names; of two with the same name the
// one of the more specific directory counts. Lists add up and an empty assignment resets
// them, except for dependencies (After=, OnFailure=), which cannot be reset. Of other
// directives the last assignment counts.
//
// The section [X-BugSpark], which systemd ignores, holds what systemd has no directive
// for. Its keys are:
//
//	When=        Conditions under which the unit runs on a site. All of them must hold.
//	             A condition is a setting that is set (backup.target) or a setting with
//	             a value (database.mode=managed); "|" separates alternatives. Without
//	             When= a unit runs everywhere. Only units with WantedBy= are selected:
//	             the others are started by their socket, timer, path or by a failure.
//	Inputs=      Settings or sections of settings that the service reads at its start.
//	             apply restarts it when one of them changes, or a credential it loads.
//	Reach=       What the service must reach: database, storage, backup.target,
//	             backup.copy.target, acme, mail or webhook. apply gives it the directory,
//	             or the network where the setting names something elsewhere.
//	Certificates=tls
//	             With tls.mode=files apply hands over tls.certificate and tls.key as
//	             credentials of that name with a dash.
//	Listen=      The setting that replaces the port of a socket.
//	Calendar=    The setting that replaces OnCalendar= of a timer.
//	Provides=    database or storage: the unit must run for it to answer.
//	Writes=      database: a restore stops the service while it exchanges the data.
//	Upgrade=     restart or try-restart: what the package scripts do to the service
//	             after an upgrade, in this order. They read it from the unit file, so it
//	             must not stand in a drop-in.
//	Foreground=no  'bugspark up' leaves the service out.
//	Serves=yes   Visitors and the team are served by the service: apply starts it before
//	             all others, status judges by it, and only such a service may be restarted
//	             through the supervisor.
package unit

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Set is every unit of the product.
type Set struct {
	units map[string]Unit
	names []string // sorted
	order []string // of their start
}

// Unit is one unit file merged with its drop-ins.
type Unit struct {
	Name        string // with its suffix
	Description string
	DropIns     []string // paths of the drop-ins, in the order they were read

	Requires, Wants, After, Before []string
	OnFailure                      []string
	JoinsNamespaceOf               []string
	WantedBy                       []string

	Service *Service // of a .service
	Socket  *Socket  // of a .socket

	Deployment Deployment // the section [X-BugSpark]

	// Compose is the section [X-Compose], for a Compose file.
	Compose map[string]string

	// Extra is every directive without a field here (most of them build the
	// sandbox), so that a consumer can say what it leaves out.
	Extra []Option
}

// Option is one directive as written.
type Option struct{ Section, Key, Value string }

// Deployment is the section [X-BugSpark]; the package comment explains its keys.
type Deployment struct {
	When         []Condition
	Inputs       []string
	Reach        []string
	Certificates string
	Listen       string
	Calendar     string
	Provides     []string
	Writes       []string
	Upgrade      string
	Foreground   bool
	Serves       bool
}

// Service is what a .service says about its processes. Durations are zero for
// "infinity" and for what is not set; see HasTimeoutStart and so on in systemd's
// manual for its defaults, which the shipped units do not rely on.
type Service struct {
	Type            string // notify, oneshot
	RemainAfterExit bool
	ExecStartPre    [][]string
	ExecStart       []string
	ExecStartPost   [][]string
	User            string
	Groups          []string // supplementary
	Credentials     []Credential
	Environment     []string
	StateDirectory  []string
	Sockets         []string // sockets handed over beside the one of the same name
	Restart         string
	RestartSec      time.Duration
	TimeoutStart    time.Duration
	TimeoutStop     time.Duration
	Watchdog        time.Duration
	KillSignal      string // SIGTERM unless said otherwise
	KillMode        string
}

// Credential is one LoadCredential=.
type Credential struct{ Name, Path string }

// Socket is what a .socket says about its listener.
type Socket struct {
	ListenStream string
	Name         string // FileDescriptorName=
	Service      string // the unit that gets the listener
	Group        string
	Mode         string
}

// Unit returns the named unit.
func (s Set) Unit(name string) (Unit, error) {
	u, ok := s.units[name]
	if !ok {
		return Unit{}, fmt.Errorf("no unit %q is shipped (there are %v)", name, s.names)
	}
	return u, nil
}

// Names lists every unit, sorted.
func (s Set) Names() []string { return append([]string(nil), s.names...) }

// Template tells whether only instances of the unit can run.
func (u Unit) Template() bool { return strings.Contains(u.Name, "@.") }

// Values returns what a directive without a field says, in the order of a list.
func (u Unit) Values(section, key string) []string {
	var out []string
	for _, o := range u.Extra {
		if o.Section == section && o.Key == key {
			out = append(out, o.Value)
		}
	}
	return out
}

// SocketsOf lists the sockets whose listeners the service gets.
func (s Set) SocketsOf(service string) []Unit {
	var out []Unit
	for _, name := range s.names {
		if u := s.units[name]; u.Socket != nil && u.Socket.Service == service {
			out = append(out, u)
		}
	}
	return out
}

// Readers lists the services that systemd hands a credential, each with its account,
// such as "bugspark-api (bugspark-api)".
func (s Set) Readers(credential string) []string {
	var out []string
	for _, u := range s.Services() {
		if slices.ContainsFunc(u.Service.Credentials, func(c Credential) bool { return c.Name == credential }) {
			out = append(out, fmt.Sprintf("%s (%s)", strings.TrimSuffix(u.Name, ".service"), u.Service.User))
		}
	}
	slices.Sort(out)
	return out
}

// Role returns the service that runs 'bugspark ROLE', such as "api" or "wal ship".
func (s Set) Role(role string) (Unit, error) {
	words := strings.Fields(role)
	for _, name := range s.names {
		u := s.units[name]
		if u.Service != nil && len(u.Service.ExecStart) > 0 && slices.Equal(u.Service.ExecStart[1:], words) {
			return u, nil
		}
	}
	return Unit{}, fmt.Errorf("no unit that is shipped runs 'bugspark %s'", role)
}
