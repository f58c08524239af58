package config

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// Origin is where the value of a setting comes from.
type Origin string

// The origins, the later before the earlier.
const (
	FromDefault     Origin = "default"
	FromFile        Origin = "file"
	FromEnvironment Origin = "environment"
)

// Value is a setting as the file stands. A sensitive value is redacted.
type Value struct {
	Key      string `json:"key"`
	Value    any    `json:"value"` // string, int, bool or []string
	Origin   Origin `json:"origin"`
	Source   string `json:"source,omitempty"`   // path of the file or name of the variable
	Redacted bool   `json:"redacted,omitempty"` // Value is a part of the value
}

// SecretState is what may be said of a secret: never its value.
type SecretState struct {
	Name  string `json:"name"`
	State string `json:"state"` // set, empty, missing, unreadable
	Path  string `json:"path"`
}

// Effective is the whole configuration as the file stands, applied or not.
type Effective struct {
	Settings    []Value       `json:"settings"`
	Credentials []SecretState `json:"credentials"`
}

// Explain loads the configuration and tells where each value comes from.
func Explain(dirs Dirs, env LookupEnv) (Effective, error) {
	data, err := readFile(dirs.File())
	if err != nil {
		return Effective{}, err
	}
	c, origins, err := resolve(dirs.File(), data, env)
	if err != nil {
		return Effective{}, err
	}
	var e Effective
	values := c.values()
	for _, s := range Settings() {
		v := Value{Key: s.Key, Value: values[s.Key], Origin: FromDefault}
		switch origins[s.Key] {
		case FromFile:
			v.Origin, v.Source = FromFile, dirs.File()
		case FromEnvironment:
			v.Origin, v.Source = FromEnvironment, EnvName(s.Key)
		}
		if list, ok := v.Value.([]string); ok && list == nil {
			v.Value = []string{} // an array in JSON, whoever emptied it
		}
		if text, ok := v.Value.(string); ok && s.Sensitive {
			v.Value, v.Redacted = redact(text)
		}
		e.Settings = append(e.Settings, v)
	}
	for _, credential := range Credentials() {
		path := dirs.CredentialFile(credential.Name)
		e.Credentials = append(e.Credentials, SecretState{credential.Name, secretState(path), path})
	}
	return e, nil
}

// Changed leaves out the settings at their default and the secrets that are
// not set.
func (e Effective) Changed() Effective {
	out := Effective{Settings: []Value{}, Credentials: []SecretState{}}
	for _, v := range e.Settings {
		if v.Origin != FromDefault {
			out.Settings = append(out.Settings, v)
		}
	}
	for _, s := range e.Credentials {
		if s.State == "set" {
			out.Credentials = append(out.Credentials, s)
		}
	}
	return out
}

// Get returns one setting.
func (e Effective) Get(key string) (Value, error) {
	for _, v := range e.Settings {
		if v.Key == key {
			return v, nil
		}
	}
	for _, s := range e.Credentials {
		if s.Name == key {
			return Value{}, fault.New(fault.Usage, "read "+s.Path+" as root", "%s is a secret and no setting; it is %s", key, s.State)
		}
	}
	if keys := below(key); len(keys) > 0 {
		return Value{}, fault.New(fault.Usage, "bugspark config get "+keys[0], "%q is a section; its settings are %s", key, strings.Join(keys, ", "))
	}
	return Value{}, fault.New(fault.Usage, "bugspark config show lists them all", "unknown setting %q%s", key, suggestion(key))
}

// redact keeps the scheme and the host of a URL: services such as chats put a
// token into the path.
func redact(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil {
		return "***", true // cannot be after validation
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if text == "" || text == bare.String() {
		return text, false
	}
	return bare.String() + "/***", true
}

func secretState(path string) string {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	case err != nil:
		return "unreadable"
	case strings.TrimRight(string(data), "\n") == "":
		return "empty"
	}
	return "set"
}
