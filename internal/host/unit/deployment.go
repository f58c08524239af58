package unit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
)

// Condition is one word of When=; it holds when one of its alternatives does.
type Condition []Alternative

// Alternative is a setting that is set or, with Compare, has a value.
type Alternative struct {
	Key, Value string
	Compare    bool
}

// Holds tells whether the condition holds on a site.
func (c Condition) Holds(site config.Config) bool {
	return slices.ContainsFunc(c, func(a Alternative) bool {
		value, ok := site.Value(a.Key)
		text := fmt.Sprint(value)
		if a.Compare {
			return ok && text == a.Value
		}
		return ok && !slices.Contains([]string{"", "false", "0", "[]"}, text)
	})
}

func condition(word string) (Condition, error) {
	var out Condition
	for part := range strings.SplitSeq(word, "|") {
		a := Alternative{}
		a.Key, a.Value, a.Compare = strings.Cut(part, "=")
		declared := config.Declared(a.Key)
		switch {
		case len(declared) != 1 || declared[0] != a.Key:
			return nil, fmt.Errorf("%q is no setting", a.Key)
		case a.Compare && a.Value == "":
			return nil, fmt.Errorf("%q compares with nothing", part)
		}
		out = append(out, a)
	}
	return out, nil
}

// set takes one key of the section. A misspelt key would silently leave a unit out
// of what derives from it, so it is refused.
func (d *Deployment) set(key, value string) error {
	switch key {
	case "When":
		return d.setWhen(value)
	case "Inputs":
		for _, word := range strings.Fields(value) {
			if len(config.Declared(word)) == 0 {
				return fmt.Errorf("%q is no setting and no section of settings", word)
			}
		}
		list(&d.Inputs, value)
		return nil
	case "Reach":
		return choices(&d.Reach, value, "database", "storage", "backup.target", "backup.copy.target", "acme", "mail", "webhook")
	case "Provides":
		return choices(&d.Provides, value, "database", "storage")
	case "Writes":
		return choices(&d.Writes, value, "database")
	case "Certificates":
		return choice(&d.Certificates, value, "tls")
	case "Upgrade":
		return choice(&d.Upgrade, value, "restart", "try-restart")
	case "Listen":
		return setting(&d.Listen, value)
	case "Calendar":
		return setting(&d.Calendar, value)
	case "Foreground":
		return boolean(&d.Foreground, value)
	case "Serves":
		return boolean(&d.Serves, value)
	}
	return errors.New("there is no such key")
}

func (d *Deployment) setWhen(value string) error {
	if value == "" {
		d.When = nil
		return nil
	}
	for _, word := range strings.Fields(value) {
		c, err := condition(word)
		if err != nil {
			return err
		}
		d.When = append(d.When, c)
	}
	return nil
}

func choices(into *[]string, value string, allowed ...string) error {
	for _, word := range strings.Fields(value) {
		if !slices.Contains(allowed, word) {
			return fmt.Errorf("%q is none of %s", word, strings.Join(allowed, ", "))
		}
	}
	list(into, value)
	return nil
}

func choice(into *string, value string, allowed ...string) error {
	if value != "" && !slices.Contains(allowed, value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(allowed, ", "))
	}
	*into = value
	return nil
}

func setting(into *string, value string) error {
	if declared := config.Declared(value); value != "" && (len(declared) != 1 || declared[0] != value) {
		return fmt.Errorf("%q is no setting", value)
	}
	*into = value
	return nil
}
