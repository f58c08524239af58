package setup

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// SetKeys returns a configuration with settings as they are given, each as KEY=VALUE. A
// value is written as in bugspark.yaml, lists as [a, b]. Whether a key exists and its
// value will do, tells the one who parses the result.
func SetKeys(data []byte, settings []string) ([]byte, error) {
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789_.") != "" {
			return nil, fault.New(fault.Usage, "bugspark config sample lists the keys; give one as --set-config server.https_port=8443", "%q is not KEY=VALUE", s)
		}
		var err error
		if data, err = setKey(data, key, value); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func setKey(data []byte, key, value string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	node, err := valueOf(key, value)
	if err != nil {
		return nil, err
	}
	at := doc.Content[0]
	parts := strings.Split(key, ".")
	for _, section := range parts[:len(parts)-1] {
		next := child(at, section)
		if next == nil {
			next = &yaml.Node{Kind: yaml.MappingNode}
			at.Content = append(at.Content, scalar(section), next)
		}
		if next.Kind != yaml.MappingNode {
			*next = yaml.Node{Kind: yaml.MappingNode}
		}
		at = next
	}
	last := parts[len(parts)-1]
	if existing := child(at, last); existing != nil {
		*existing = *node
	} else {
		at.Content = append(at.Content, scalar(last), node)
	}
	return encode(&doc)
}

// valueOf is a value as YAML has it, but a text is what a setting is that wants one.
func valueOf(key, value string) (*yaml.Node, error) {
	for _, s := range config.Settings() {
		if _, text := s.Default.(string); s.Key == key && text {
			return scalar(value), nil
		}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(value), &doc); err != nil || len(doc.Content) != 1 {
		return nil, fault.New(fault.Usage, "bugspark config sample shows how a value is written", "the value of %s cannot be read: %q", key, value)
	}
	return doc.Content[0], nil
}
