package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"github.com/bugspark/bugspark/internal/fault"
)

// Load reads bugspark.yaml below dirs (a missing file means all defaults),
// applies BUGSPARK_* overrides and validates the result.
func Load(dirs Dirs, env LookupEnv) (Config, error) { return load(dirs.File(), env) }

// LoadInForce is Load for the configuration in force. A version before this one may have
// applied what this one refuses; only the next apply replaces it.
func LoadInForce(dirs Dirs, env LookupEnv) (Config, error) {
	c, err := load(dirs.InForce(), env)
	if err != nil && fault.Status(err) == int(fault.Usage) && dirs.InForce() != dirs.File() {
		err = fault.Wrap(fault.Usage, err, "correct "+dirs.File()+" where it says the same, then: bugspark apply", "what was applied last cannot be read by this version")
	}
	return c, err
}

func load(path string, env LookupEnv) (Config, error) {
	data, err := readFile(path)
	if err != nil {
		return Config{}, err
	}
	return Parse(path, data, env)
}

// readFile returns nothing for a file that is not there.
func readFile(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Wrap(fault.Preflight, err, "run the command as root", "reading the configuration")
	case err != nil:
		return nil, fault.Wrap(fault.Preflight, err, "look at "+path, "reading the configuration")
	}
	return data, nil
}

// Parse is Load for a file already read; name is used in errors.
func Parse(name string, data []byte, env LookupEnv) (Config, error) {
	c, _, err := resolve(name, data, env)
	return c, err
}

// resolve also tells where the value of each setting that is no default comes
// from.
func resolve(name string, data []byte, env LookupEnv) (Config, map[string]Origin, error) {
	raw, inFile, err := parseYAML(name, data)
	if err != nil {
		return Config{}, nil, err
	}
	origins := map[string]Origin{}
	v := viper.New()
	for _, s := range Settings() {
		v.SetDefault(s.Key, s.Default)
	}
	if err := v.MergeConfigMap(raw); err != nil {
		return Config{}, nil, fault.Wrap(fault.Usage, err, "bugspark config sample shows how each setting is written", "%s", name)
	}
	for _, key := range inFile {
		origins[key] = FromFile
	}
	for _, s := range Settings() {
		if value, ok := env(EnvName(s.Key)); ok {
			v.Set(s.Key, s.fromEnv(value))
			origins[s.Key] = FromEnvironment
		}
	}
	var c Config
	err = v.UnmarshalExact(&c, func(d *mapstructure.DecoderConfig) {
		d.WeaklyTypedInput = false
		d.DecodeHook = mapstructure.StringToBasicTypeHookFunc()
	})
	if err != nil {
		return Config{}, nil, fault.Wrap(fault.Usage, err, "bugspark config sample shows how each setting is written", "%s", name)
	}
	if err := c.complete(name); err != nil {
		return Config{}, nil, err
	}
	return c, origins, c.validate(name)
}

// complete fills in the defaults that only the machine or another setting knows.
func (c *Config) complete(name string) error {
	if c.Server.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fault.Wrap(fault.Preflight, err, "set server.name in "+name, "reading the machine's host name")
		}
		c.Server.Name = strings.ToLower(host)
	}
	if hostName().Check(c.Server.Name) != nil {
		return nil // validate says so, and nothing of what would be made of it
	}
	if c.Accounts.AdminEmail == "" {
		c.Accounts.AdminEmail = fmt.Sprintf("admin@%s", c.Server.Name)
	}
	if c.Mail.From == "" {
		c.Mail.From = fmt.Sprintf("bugspark@%s", c.Server.Name)
	}
	return nil
}

// fromEnv splits list settings; other types are converted by the decode hook,
// which knows the field.
func (s Setting) fromEnv(value string) any {
	if _, list := s.Default.([]string); !list {
		return value
	}
	if s.Split != nil {
		return s.Split(value)
	}
	return words(value)
}
