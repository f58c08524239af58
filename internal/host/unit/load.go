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

// Load reads every unit file and drop-in of the file system's root and checks the set
// as a whole. Errors name the file, the section and the key.
func Load(files fs.FS) (Set, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return Set{}, fmt.Errorf("listing the unit files: %w", err)
	}
	s := Set{units: map[string]Unit{}}
	var problems []error
	used := map[string]bool{}
	for _, e := range entries {
		switch path.Ext(e.Name()) {
		case ".service", ".socket", ".target", ".slice", ".timer", ".path":
		default:
			continue
		}
		u, err := read(files, e.Name(), used)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.units[u.Name] = u
	}
	s.names = slices.Sorted(maps.Keys(s.units))
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".d") && !used[e.Name()] {
			problems = append(problems, fmt.Errorf("%s holds drop-ins of a unit that is not shipped", e.Name()))
		}
	}
	s.order, err = s.ordered()
	problems = append(append(problems, err), s.check()...)
	return s, errors.Join(problems...)
}

// read reads a unit file and its drop-ins, and notes the directories it used.
func read(files fs.FS, name string, used map[string]bool) (Unit, error) {
	u := Unit{Name: name, Compose: map[string]string{}, Deployment: Deployment{Foreground: true}}
	switch path.Ext(name) {
	case ".service":
		u.Service = &Service{Type: "simple", KillSignal: "SIGTERM", KillMode: "control-group", User: "root"}
	case ".socket":
		u.Socket = &Socket{Service: strings.TrimSuffix(name, ".socket") + ".service", Name: name}
	}
	for _, dir := range dropInDirs(name) {
		used[dir] = true
	}
	var err error
	if u.DropIns, err = dropIns(files, name); err != nil {
		return Unit{}, err
	}
	for _, file := range append([]string{name}, u.DropIns...) {
		if err := u.merge(files, file); err != nil {
			return Unit{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	return u, nil
}

// merge takes the directives of one file after those of the files before it.
func (u *Unit) merge(files fs.FS, file string) error {
	f, err := files.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	options, err := unit.DeserializeOptions(f)
	if err != nil {
		return err
	}
	for _, o := range options {
		err := u.set(o.Section, o.Name, o.Value)
		// systemctl enable and the package scripts read the unit file alone.
		if file != u.Name && (o.Section == "Install" || o.Section == "X-BugSpark" && o.Name == "Upgrade") {
			err = errors.New("this belongs into the unit file")
		}
		if err != nil {
			return fmt.Errorf("[%s] %s=%s: %w", o.Section, o.Name, o.Value, err)
		}
	}
	return nil
}

// triggered is the service that a timer or a path starts: that of Unit=, or the one
// of its own name.
func (s Set) triggered(name string) (service string, shipped bool) {
	kind := path.Ext(name)
	if kind != ".timer" && kind != ".path" {
		return "", true
	}
	service = strings.TrimSuffix(name, kind) + ".service"
	for _, o := range s.units[name].Extra {
		if o.Key == "Unit" && (o.Section == "Timer" || o.Section == "Path") {
			service = o.Value
		}
	}
	_, shipped = s.units[template(service)]
	return service, shipped
}

// check finds what no single file shows: names that lead nowhere.
func (s Set) check() []error {
	var out []error
	for _, name := range s.names {
		u := s.units[name]
		for _, other := range slices.Concat(u.Requires, u.Wants, u.After, u.Before, u.JoinsNamespaceOf, u.OnFailure) {
			if _, ok := s.units[template(other)]; !ok && strings.HasPrefix(other, "bugspark") {
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

// template is the template of an instance such as bugspark-alert@%n.service; the name
// of any other unit is returned as it is.
func template(name string) string {
	before, after, instance := strings.Cut(name, "@")
	if !instance {
		return name
	}
	return before + "@" + after[strings.LastIndex(after, "."):]
}
