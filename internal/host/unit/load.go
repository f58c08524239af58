package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// Load reads every unit file of the file system's root and checks the set as a
// whole. Errors name the file, the section and the key.
func Load(files fs.FS) (Set, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return Set{}, fmt.Errorf("listing the unit files: %w", err)
	}
	s := Set{units: map[string]Unit{}}
	var problems []error
	for _, e := range entries {
		switch path.Ext(e.Name()) {
		case ".service", ".socket", ".target", ".slice", ".timer", ".path":
		default:
			continue
		}
		u, err := read(files, e.Name())
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.units[u.Name] = u
	}
	s.names = slices.Sorted(maps.Keys(s.units))
	problems = append(problems, s.check()...)
	return s, errors.Join(problems...)
}

func read(files fs.FS, name string) (Unit, error) {
	f, err := files.Open(name)
	if err != nil {
		return Unit{}, err
	}
	defer f.Close()
	options, err := unit.DeserializeOptions(f)
	if err != nil {
		return Unit{}, fmt.Errorf("%s: %w", name, err)
	}
	u := Unit{Name: name, Compose: map[string][]string{}}
	switch path.Ext(name) {
	case ".service":
		u.Service = &Service{Type: "simple", KillSignal: "SIGTERM", KillMode: "control-group", User: "root"}
	case ".socket":
		u.Socket = &Socket{Service: strings.TrimSuffix(name, ".socket") + ".service", Name: name}
	}
	for _, o := range options {
		if err := u.set(o.Section, o.Name, o.Value); err != nil {
			return Unit{}, fmt.Errorf("%s: [%s] %s=%s: %w", name, o.Section, o.Name, o.Value, err)
		}
	}
	return u, nil
}

// triggered is the service that a timer or a path starts: the one of its name.
func (s Set) triggered(name string) (service string, shipped bool) {
	switch kind := path.Ext(name); kind {
	case ".timer", ".path":
		service = strings.TrimSuffix(name, kind) + ".service"
		_, shipped = s.units[service]
		return service, shipped
	}
	return "", true
}

// check finds what no single file shows: names that lead nowhere.
func (s Set) check() []error {
	var out []error
	for _, name := range s.names {
		u := s.units[name]
		for _, other := range slices.Concat(u.Requires, u.Wants, u.After, u.Before, u.JoinsNamespaceOf) {
			if _, ok := s.units[other]; !ok && strings.HasPrefix(other, "bugspark") {
				out = append(out, fmt.Errorf("%s refers to %s, which is not shipped", name, other))
			}
		}
		if u.Service != nil && len(u.Service.ExecStart) == 0 {
			out = append(out, fmt.Errorf("%s: [Service] ExecStart= is missing", name))
		}
		if trigger, ok := s.triggered(name); !ok {
			out = append(out, fmt.Errorf("%s triggers %s, which is not shipped", name, trigger))
		}
		if u.Socket != nil {
			if u.Socket.ListenStream == "" {
				out = append(out, fmt.Errorf("%s: [Socket] ListenStream= is missing", name))
			}
			if _, ok := s.units[u.Socket.Service]; !ok {
				out = append(out, fmt.Errorf("%s: [Socket] Service=%s is not shipped", name, u.Socket.Service))
			}
		}
	}
	return out
}
