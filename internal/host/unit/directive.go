package unit

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set takes one directive into its field, after those read before it.
func (u *Unit) set(section, key, value string) error {
	switch section {
	case "Unit":
		if u.setUnit(key, value) {
			return nil
		}
	case "Install":
		if key == "WantedBy" {
			list(&u.WantedBy, value)
			return nil
		}
	case "Service":
		if known, err := u.Service.set(key, value); known || err != nil {
			return err
		}
	case "Socket":
		if known, err := u.Socket.set(key, value); known || err != nil {
			return err
		}
	case "Timer", "Path", "Slice":
	case "X-BugSpark":
		return u.Deployment.set(key, value)
	case "X-Compose":
		u.Compose[key] = value
		return nil
	default:
		return errors.New("there is no such section")
	}
	u.extra(Option{section, key, value})
	return nil
}

func (u *Unit) setUnit(key, value string) bool {
	switch key {
	case "Description":
		u.Description = value
	case "Requires":
		dependencies(&u.Requires, value)
	case "Wants":
		dependencies(&u.Wants, value)
	case "After":
		dependencies(&u.After, value)
	case "Before":
		dependencies(&u.Before, value)
	case "OnFailure":
		dependencies(&u.OnFailure, value)
	case "JoinsNamespaceOf":
		dependencies(&u.JoinsNamespaceOf, value)
	default:
		return false
	}
	return true
}

func (s *Service) set(key, value string) (known bool, err error) {
	if s == nil {
		return false, errors.New("this unit is no service")
	}
	switch key {
	case "Type":
		s.Type = value
	case "RemainAfterExit":
		err = boolean(&s.RemainAfterExit, value)
	case "ExecStartPre":
		err = commands(&s.ExecStartPre, value)
	case "ExecStart":
		err = s.setExecStart(value)
	case "ExecStartPost":
		err = commands(&s.ExecStartPost, value)
	case "User":
		s.User = value
	case "SupplementaryGroups":
		list(&s.Groups, value)
	case "LoadCredential":
		err = s.setCredential(value)
	case "Environment":
		list(&s.Environment, value)
	case "StateDirectory":
		list(&s.StateDirectory, value)
	case "Sockets":
		dependencies(&s.Sockets, value)
	case "Restart":
		s.Restart = value
	case "RestartSec":
		s.RestartSec, err = span(value)
	case "TimeoutStartSec":
		s.TimeoutStart, err = span(value)
	case "TimeoutStopSec":
		s.TimeoutStop, err = span(value)
	case "TimeoutSec":
		s.TimeoutStart, err = span(value)
		s.TimeoutStop = s.TimeoutStart
	case "WatchdogSec":
		s.Watchdog, err = span(value)
	case "KillSignal":
		s.KillSignal = value
	case "KillMode":
		s.KillMode = value
	default:
		return false, nil
	}
	return true, err
}

// setExecStart refuses a second command as systemd does for every type but oneshot.
// The shipped units of that type have one each, too.
func (s *Service) setExecStart(value string) error {
	if value == "" {
		s.ExecStart = nil
		return nil
	}
	if s.ExecStart != nil {
		return errors.New("there is a command already; ExecStart= resets it")
	}
	var err error
	s.ExecStart, err = command(value)
	return err
}

// setCredential replaces a credential of the same name, as systemd does.
func (s *Service) setCredential(value string) error {
	if value == "" {
		s.Credentials = nil
		return nil
	}
	name, from, ok := strings.Cut(value, ":")
	if !ok {
		return errors.New("want NAME:PATH")
	}
	s.Credentials = slices.DeleteFunc(s.Credentials, func(c Credential) bool { return c.Name == name })
	s.Credentials = append(s.Credentials, Credential{name, from})
	return nil
}

func (s *Socket) set(key, value string) (known bool, err error) {
	if s == nil {
		return false, errors.New("this unit is no socket")
	}
	switch key {
	case "ListenStream":
		if value != "" && s.ListenStream != "" {
			return true, errors.New("there is a listener already; ListenStream= resets it")
		}
		s.ListenStream = value
	case "FileDescriptorName":
		s.Name = value
	case "Service":
		s.Service = value
	case "SocketGroup":
		s.Group = value
	case "SocketMode":
		s.Mode = value
	default:
		return false, nil
	}
	return true, nil
}

// lists are the directives without a field here whose assignments add up.
const lists = " AmbientCapabilities BindPaths BindReadOnlyPaths CapabilityBoundingSet ConditionPathExists DeviceAllow" +
	" Documentation ExecReload ExecStop ExecStopPost InaccessiblePaths IPAddressAllow IPAddressDeny OnCalendar OnActiveSec" +
	" OnBootSec OnUnitActiveSec OnUnitInactiveSec PathChanged PathExists PathModified ReadOnlyPaths ReadWritePaths" +
	" RestrictAddressFamilies RestrictNamespaces SetCredential SystemCallArchitectures SystemCallFilter TemporaryFileSystem "

// extra keeps a directive that has no field. An empty assignment stays in the place
// of what it resets, because an empty list may mean "none" (CapabilityBoundingSet=).
func (u *Unit) extra(o Option) {
	switch {
	case slices.Contains([]string{"PartOf", "BindsTo", "Conflicts", "WantedBy", "OnSuccess"}, o.Key):
		if o.Value == "" {
			return
		}
	case o.Value == "" || !strings.Contains(lists, " "+o.Key+" "):
		u.Extra = slices.DeleteFunc(u.Extra, func(e Option) bool { return e.Section == o.Section && e.Key == o.Key })
	}
	u.Extra = append(u.Extra, o)
}

// list adds to a list that an empty assignment resets.
func list(into *[]string, value string) {
	if value == "" {
		*into = nil
		return
	}
	*into = append(*into, strings.Fields(value)...)
}

// dependencies adds to a list that nothing resets.
func dependencies(into *[]string, value string) {
	*into = append(*into, strings.Fields(value)...)
}

func boolean(into *bool, value string) error {
	switch value {
	case "yes", "true", "on", "1":
		*into = true
	case "no", "false", "off", "0":
		*into = false
	default:
		return fmt.Errorf("%q is neither yes nor no", value)
	}
	return nil
}

func commands(into *[][]string, value string) error {
	if value == "" {
		*into = nil
		return nil
	}
	words, err := command(value)
	*into = append(*into, words)
	return err
}

// command splits an Exec line. Prefixes that change its privileges or error
// handling, quoting and specifiers are refused rather than misread: the shipped
// units use none, and a consumer could not honour them silently.
func command(value string) ([]string, error) {
	// %i is what a template unit is about; none of them runs outside systemd.
	if strings.ContainsAny(strings.ReplaceAll(value, "%i", ""), `"'\%$;`) && !strings.Contains(value, "$MAINPID") {
		return nil, errors.New("quoting, variables and specifiers are not supported in the shipped units")
	}
	words := strings.Fields(value)
	if len(words) == 0 {
		return nil, errors.New("empty command")
	}
	if !strings.HasPrefix(words[0], "/") {
		return nil, fmt.Errorf("%q is no absolute path", words[0])
	}
	return words, nil
}

// span reads a time span as systemd writes it: "90", "500ms", "infinity".
func span(value string) (time.Duration, error) {
	if value == "infinity" {
		return 0, nil
	}
	if n, err := strconv.Atoi(value); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return 0, fmt.Errorf("not a time span: %w", err)
	}
	return d, nil
}
