package setup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v3"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// CompleteConfig completes an answers file to the bugspark.yaml of this machine: the
// answers as they were written, comments included, plus the two settings whose
// default would follow the host name around. It validates the result.
func CompleteConfig(name string, answers []byte, env config.LookupEnv) ([]byte, config.Config, error) {
	cfg, err := config.Parse(name, answers, env)
	if err != nil {
		return nil, config.Config{}, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(answers, &doc); err != nil {
		return nil, config.Config{}, fault.Wrap(fault.Usage, err, "bugspark config sample shows how each setting is written", "%s", name)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	root := doc.Content[0]
	pin(root, "server", "name", cfg.Server.Name)
	pin(root, "accounts", "admin_email", cfg.Accounts.AdminEmail)
	root.HeadComment = "BugSpark configuration, written by 'bugspark setup'. After an edit run 'bugspark plan',\n" +
		"then 'bugspark apply'. 'bugspark config sample' shows every setting and its default.\n\n" + root.HeadComment

	out, err := encode(&doc)
	return out, cfg, err
}

// pin sets section.key unless the answers gave it a value.
func pin(root *yaml.Node, section, key, value string) {
	target := child(root, section)
	if target == nil {
		target = &yaml.Node{Kind: yaml.MappingNode}
		root.Content = append(root.Content, scalar(section), target)
	}
	if existing := child(target, key); existing != nil {
		if existing.Value == "" {
			*existing = *scalar(value)
		}
		return
	}
	target.Content = append(target.Content, scalar(key), scalar(value))
}

func child(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// Existing reads the configuration already on the machine, nil if there is none.
func Existing(dirs config.Dirs) ([]byte, error) {
	data, err := os.ReadFile(dirs.File())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// WriteConfig puts the configuration in place, readable by every service.
func WriteConfig(dirs config.Dirs, data []byte) error {
	if err := os.MkdirAll(dirs.Config, 0o755); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	return durable.WriteFile(dirs.File(), data, 0o644)
}

// SetValue returns the configuration with section.key set to a text value.
func SetValue(data []byte, section, key, value string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if target := child(doc.Content[0], section); target != nil {
		if existing := child(target, key); existing != nil {
			*existing = *scalar(value)
		}
	}
	pin(doc.Content[0], section, key, value)
	return encode(&doc)
}

// RemoveSection takes a section within another out of a configuration.
func RemoveSection(data []byte, section, key string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(doc.Content) == 0 {
		return data, nil
	}
	within := child(doc.Content[0], section)
	if within == nil {
		return data, nil
	}
	for i := 0; i+1 < len(within.Content); i += 2 {
		if within.Content[i].Value == key {
			within.Content = append(within.Content[:i], within.Content[i+2:]...)
			break
		}
	}
	return encode(&doc)
}

func encode(doc *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return out.Bytes(), enc.Close()
}

// WriteSecret puts one secret in place, for root alone.
func WriteSecret(dirs config.Dirs, name string, data []byte) error {
	if err := durable.WriteFile(dirs.CredentialFile(name), data, 0o600); err != nil {
		return fmt.Errorf("writing credential %s: %w", name, err)
	}
	return nil
}
