package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// Setting declares one setting. Validation, the environment names, the sample
// file, docs/configuration.md, bugspark.yaml(5) and 'bugspark config show' derive
// from the declarations; a test binds each to one field of Config.
type Setting struct {
	Key       string    // dotted name in bugspark.yaml
	Default   any       // string, int, bool or []string; its type is the setting's type
	Min, Max  int       // range of a number, both included; Max is 0 for other types
	Unit      string    // of a number, such as MiB; empty for a plain count
	Allowed   []string  // the only values of a text, when not empty
	Form      Form      // what a text, or each element of a list, must look like
	Split     Splitter  // takes a list out of an environment variable; nil: at commas and spaces
	Applies   Condition // which other setting makes this one matter; zero: it always does
	Required  bool      // it must be set where it applies
	Sensitive bool      // the value may hold a token, so 'config show' prints a part of it
	Doc       string    // what it is for, for an administrator
}

// Splitter splits the value of an environment variable into a list.
type Splitter func(string) []string

// Condition holds when the setting Key has the value Value. A Value that ends
// in :// stands for every URL of that scheme.
type Condition struct{ Key, Value string }

func (c Condition) holds(values map[string]any) bool {
	if c.Key == "" {
		return true
	}
	have, _ := values[c.Key].(string)
	if strings.HasSuffix(c.Value, "://") {
		return strings.HasPrefix(strings.ToLower(have), c.Value) // as URLs are read
	}
	return have == c.Value
}

// Settings is every setting that bugspark.yaml accepts, in the order of the
// sample file. Secrets are not settings: see Credentials.
func Settings() []Setting {
	return slices.Concat(
		serverSettings(), tlsSettings(), proxySettings(),
		databaseSettings(), storageSettings(),
		backupSettings(), copySettings(), scheduleSettings(),
		alertSettings(), mailSettings(), outboundSettings(),
		accountsSettings(), limitsSettings(), logSettings(),
	)
}

func declared(key string) (Setting, bool) {
	all := Settings()
	i := slices.IndexFunc(all, func(s Setting) bool { return s.Key == key })
	if i < 0 {
		return Setting{}, false
	}
	return all[i], true
}

// IsDefault tells whether value is what a text setting is when nobody sets it.
func IsDefault(key, value string) bool {
	s, ok := declared(key)
	return ok && s.Default == value
}

// below lists the keys of a section such as "tls" or "tls.acme".
func below(section string) []string {
	var out []string
	for _, s := range Settings() {
		if strings.HasPrefix(s.Key, section+".") {
			out = append(out, s.Key)
		}
	}
	return out
}

// EnvName is the environment variable that overrides a setting.
func EnvName(key string) string {
	return "BUGSPARK_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// RefuseOverrides fails when the environment has a setting: what is put in force with
// it would be lost with the next start of a service, whose environment has none.
func RefuseOverrides(dirs Dirs, env LookupEnv) error {
	for _, s := range Settings() {
		if _, set := env(EnvName(s.Key)); set {
			return fault.New(fault.Usage, fmt.Sprintf("unset %s, and write %s into %s", EnvName(s.Key), s.Key, dirs.File()),
				"the environment sets %s, which the services would not get", EnvName(s.Key))
		}
	}
	return nil
}
