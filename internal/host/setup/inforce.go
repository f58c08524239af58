package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
)

// source is the content of the configuration that is to be in force.
func (s *Site) source() ([]byte, error) {
	switch {
	case s.Source != nil:
		return s.Source, nil
	case s.Completed != nil:
		return s.Completed, nil
	}
	return Existing(s.Dirs)
}

// InForce is the content of the configuration in force, nil before the first apply.
func InForce(d config.Dirs) ([]byte, error) {
	data, err := os.ReadFile(d.Applied())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// PutInForce makes a configuration the one that services and commands work with.
func PutInForce(d config.Dirs, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(d.Applied()), 0o755); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	return durable.WriteFile(d.Applied(), data, 0o644)
}

// inForceStep puts the configuration in force before a service starts that reads it.
func (c *Converger) inForceStep() ([]step, error) {
	data, err := c.Site.source()
	if err != nil {
		return nil, err
	}
	old, err := InForce(c.Site.Dirs)
	if err != nil {
		return nil, err
	}
	if old != nil && bytes.Equal(old, data) {
		return nil, nil
	}
	put := Change{What: c.Site.Dirs.File(), Action: "put in force", Detail: changedKeys(old, c.Site.Config)}
	return []step{{put, func(context.Context) error {
		data, err := c.Site.source() // a step before this may have completed it
		if err != nil {
			return err
		}
		return PutInForce(c.Site.Dirs, data)
	}}}, nil
}

// changedKeys names the settings that a configuration changes; empty when nobody can tell.
func changedKeys(old []byte, now config.Config) string {
	if old == nil {
		return ""
	}
	was, err := config.Parse("the configuration applied before", old, noOverrides)
	if err != nil {
		return "" // one of another version of ours
	}
	var keys []string
	for _, s := range config.Settings() {
		before, _ := was.Value(s.Key)
		after, _ := now.Value(s.Key)
		if !reflect.DeepEqual(before, after) {
			keys = append(keys, s.Key)
		}
	}
	if len(keys) == 0 {
		return "comments only"
	}
	return strings.Join(keys, ", ")
}

func noOverrides(string) (string, bool) { return "", false }

// Unapplied says that bugspark.yaml was edited and not applied; empty when it was not.
func Unapplied(d config.Dirs, env config.LookupEnv) string {
	edited, err := Existing(d)
	if err != nil || edited == nil {
		return ""
	}
	old, err := InForce(d)
	if err != nil || old == nil || bytes.Equal(old, edited) {
		return ""
	}
	now, err := config.Parse(d.File(), edited, env)
	if err != nil {
		return fmt.Sprintf("an edit of %s is not applied yet, and cannot be: 'bugspark config check' says why", d.File())
	}
	keys := changedKeys(old, now)
	if keys == "comments only" {
		return ""
	}
	if keys != "" {
		keys = " (" + keys + ")"
	}
	return fmt.Sprintf("an edit of %s is not applied yet%s: 'bugspark plan' shows what it changes", d.File(), keys)
}

// CheckConfig checks bugspark.yaml, and says how it stands to what is in force.
func CheckConfig(d config.Dirs, env config.LookupEnv) (string, error) {
	if _, err := config.Load(d, env); err != nil {
		return "", err
	}
	note := "what it says is applied"
	if _, err := os.Stat(d.File()); errors.Is(err, fs.ErrNotExist) {
		note = "it is not there, so every setting has its default"
	} else if edit := Unapplied(d, env); edit != "" {
		note = edit
	} else if d.InForce() == d.File() {
		note = "nothing was applied yet"
	}
	return fmt.Sprintf("%s is valid; %s.", d.File(), note), nil
}
