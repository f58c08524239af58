package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"
	"go.yaml.in/yaml/v3"

	"github.com/bugspark/bugspark/internal/fault"
)

// EnvName is the environment variable that overrides a setting.
func EnvName(key string) string {
	return "BUGSPARK_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// Load reads bugspark.yaml below dirs (a missing file means all defaults),
// applies BUGSPARK_* overrides and validates the result.
func Load(dirs Dirs, env LookupEnv) (Config, error) {
	data, err := os.ReadFile(dirs.File())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Config{}, fault.Wrap(fault.Preflight, err, "", "reading the configuration")
	}
	return Parse(dirs.File(), data, env)
}

// Parse is Load for a file already read; name is used in errors.
func Parse(name string, data []byte, env LookupEnv) (Config, error) {
	raw, err := keys(name, data)
	if err != nil {
		return Config{}, err
	}
	v := viper.New()
	for _, s := range Settings() {
		v.SetDefault(s.Key, s.Default)
	}
	if err := v.MergeConfigMap(raw); err != nil {
		return Config{}, fault.Wrap(fault.Usage, err, "", "%s", name)
	}
	for _, s := range Settings() {
		if value, ok := env(EnvName(s.Key)); ok {
			v.Set(s.Key, fromEnv(s, value))
		}
	}
	var c Config
	err = v.UnmarshalExact(&c, func(d *mapstructure.DecoderConfig) {
		d.WeaklyTypedInput = false
		d.DecodeHook = mapstructure.StringToBasicTypeHookFunc()
	})
	if err != nil {
		return Config{}, fault.Wrap(fault.Usage, err, "", "%s", name)
	}
	if c.Server.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return Config{}, fault.Wrap(fault.Preflight, err, "set server.name in "+name, "reading the machine's host name")
		}
		c.Server.Name = strings.ToLower(host)
	}
	if c.Accounts.AdminEmail == "" {
		c.Accounts.AdminEmail = "admin@" + c.Server.Name
	}
	if c.Mail.From == "" {
		c.Mail.From = "bugspark@" + c.Server.Name
	}
	return c, c.validate(name)
}

// fromEnv splits list settings at commas; other types are converted by the
// decode hook, which knows the field.
func fromEnv(s Setting, value string) any {
	if _, list := s.Default.([]string); list {
		return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	}
	return value
}

// keys parses the YAML and refuses what is not declared, naming every unknown
// key with its line and every value of the wrong type.
func keys(name string, data []byte) (map[string]any, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fault.Wrap(fault.Usage, err, "see 'bugspark config sample' for the form of the file", "%s is not valid YAML", name)
	}
	out := map[string]any{}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return out, nil
	}
	var problems []string
	walkYAML(doc.Content[0], "", &problems)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, "run 'bugspark config sample' for every setting and its default",
			"%s: %s", name, strings.Join(problems, "; "))
	}
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&out); err != nil {
		return nil, fault.Wrap(fault.Usage, err, "", "%s", name)
	}
	return out, nil
}

func walkYAML(n *yaml.Node, prefix string, problems *[]string) {
	if n.Kind != yaml.MappingNode {
		where := "the file"
		if prefix != "" {
			where = prefix
		}
		*problems = append(*problems, fmt.Sprintf("line %d: %s must hold settings", n.Line, where))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := strings.TrimPrefix(prefix+"."+key.Value, ".")
		if s, ok := declared(full); ok {
			if want := typeProblem(s, value); want != "" {
				*problems = append(*problems, fmt.Sprintf("line %d: %s must be %s, not %q", value.Line, full, want, value.Value))
			}
			continue
		}
		if section(full) {
			walkYAML(value, full, problems)
			continue
		}
		*problems = append(*problems, fmt.Sprintf("line %d: unknown setting %q%s", key.Line, full, nearest(full)))
	}
}

func declared(key string) (Setting, bool) {
	for _, s := range Settings() {
		if s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// IsDefault tells whether value is what a text setting is when nobody sets it.
func IsDefault(key, value string) bool {
	s, ok := declared(key)
	return ok && s.Default == value
}

func section(key string) bool {
	return slices.ContainsFunc(Settings(), func(s Setting) bool { return strings.HasPrefix(s.Key, key+".") })
}

func typeProblem(s Setting, n *yaml.Node) string {
	switch s.Default.(type) {
	case int:
		if n.Tag != "!!int" {
			return "a whole number"
		}
	case bool:
		if n.Tag != "!!bool" {
			return "true or false"
		}
	case []string:
		if n.Kind != yaml.SequenceNode {
			return "a list"
		}
	default:
		if n.Tag != "!!str" && n.Tag != "!!null" {
			return "text (put it in quotes)"
		}
	}
	return ""
}

// nearest suggests the declared key that shares its last part or section.
func nearest(key string) string {
	last := key[strings.LastIndex(key, ".")+1:]
	var same []string
	for _, s := range Settings() {
		if strings.HasSuffix(s.Key, "."+last) || strings.Contains(s.Key, last) {
			same = append(same, s.Key)
		}
	}
	if len(same) == 0 && strings.Contains(key, ".") {
		head := key[:strings.LastIndex(key, ".")+1]
		for _, s := range Settings() {
			if strings.HasPrefix(s.Key, head) {
				same = append(same, s.Key)
			}
		}
	}
	if len(same) == 0 {
		return ""
	}
	sort.Strings(same)
	return " (known: " + strings.Join(same, ", ") + ")"
}
