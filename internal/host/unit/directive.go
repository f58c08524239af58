package unit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// set takes one directive into its field; an empty value empties a list, as
// systemd does.
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
		if u.Socket.set(key, value) {
			return nil
		}
	case "X-Compose":
		u.Compose[key] = append(u.Compose[key], value)
		return nil
	}
	u.Extra = append(u.Extra, Option{section, key, value})
	return nil
}

func (u *Unit) setUnit(key, value string) bool {
	switch key {
	case "Description":
		u.Description = value
	case "Requires":
		list(&u.Requires, value)
	case "Wants":
		list(&u.Wants, value)
	case "After":
		list(&u.After, value)
	case "Before":
		list(&u.Before, value)
	case "JoinsNamespaceOf":
		list(&u.JoinsNamespaceOf, value)
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
		s.RemainAfterExit, err = strconv.ParseBool(strings.NewReplacer("yes", "true", "no", "false").Replace(value))
	case "ExecStartPre":
		err = command(value, func(c []string) { s.ExecStartPre = append(s.ExecStartPre, c) })
	case "ExecStart":
		err = command(value, func(c []string) { s.ExecStart = c })
	case "ExecStartPost":
		err = command(value, func(c []string) { s.ExecStartPost = append(s.ExecStartPost, c) })
	case "User":
		s.User = value
	case "SupplementaryGroups":
		list(&s.Groups, value)
	case "LoadCredential":
		name, from, ok := strings.Cut(value, ":")
		if !ok {
			return true, errors.New("want NAME:PATH")
		}
		s.Credentials = append(s.Credentials, Credential{name, from})
	case "Environment":
		list(&s.Environment, value)
	case "StateDirectory":
		list(&s.StateDirectory, value)
	case "Sockets":
		list(&s.Sockets, value)
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

func (s *Socket) set(key, value string) bool {
	if s == nil {
		return false
	}
	switch key {
	case "ListenStream":
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
		return false
	}
	return true
}

func list(into *[]string, value string) {
	if value == "" {
		*into = nil
		return
	}
	*into = append(*into, strings.Fields(value)...)
}

// command splits an Exec line. Prefixes that change its privileges or error
// handling, quoting and specifiers are refused rather than misread: the shipped
// units use none, and a consumer could not honour them silently.
func command(value string, take func([]string)) error {
	// %i is what a template unit is about; none of them runs outside systemd.
	if strings.ContainsAny(strings.ReplaceAll(value, "%i", ""), `"'\%$;`) && !strings.Contains(value, "$MAINPID") {
		return errors.New("quoting, variables and specifiers are not supported in the shipped units")
	}
	words := strings.Fields(value)
	if len(words) == 0 {
		return errors.New("empty command")
	}
	if !strings.HasPrefix(words[0], "/") {
		return fmt.Errorf("%q is no absolute path", words[0])
	}
	take(words)
	return nil
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
