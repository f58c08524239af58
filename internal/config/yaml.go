package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/bugspark/bugspark/internal/fault"
)

// parseYAML refuses what is not declared, naming every unknown key with its
// line and every value of the wrong type. It returns the document, and the keys
// of the settings that it gives a value.
func parseYAML(name string, data []byte) (map[string]any, []string, error) {
	var doc, second yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, notYAML(name, err)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, nil, fault.New(fault.Usage, formOfTheFile, "%s: line %d: a second YAML document begins here, and would be ignored", name, second.Line)
	case !errors.Is(err, io.EOF):
		return nil, nil, notYAML(name, err)
	}
	out := map[string]any{}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return out, nil, nil
	}
	var w yamlWalk
	w.section(doc.Content[0], "")
	if len(w.problems) > 0 {
		return nil, nil, fault.New(fault.Usage, "run 'bugspark config sample' for every setting and its default",
			"%s: %s", name, strings.Join(w.problems, "; "))
	}
	if err := doc.Decode(&out); err != nil {
		return nil, nil, fault.Wrap(fault.Usage, err, "bugspark config sample shows how each setting is written", "%s", name)
	}
	return out, w.set, nil
}

type yamlWalk struct{ problems, set []string }

func (w *yamlWalk) problem(n *yaml.Node, format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf("line %d: ", n.Line)+fmt.Sprintf(format, args...))
}

func (w *yamlWalk) section(n *yaml.Node, prefix string) {
	if n.Kind != yaml.MappingNode {
		where := "the file"
		if prefix != "" {
			where = prefix
		}
		w.problem(n, "%s must hold settings", where)
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		full := strings.TrimPrefix(prefix+"."+key.Value, ".")
		s, ok := declared(full)
		line := first[full]
		first[full] = key.Line
		switch {
		case line > 0:
			w.problem(key, "%s stands in line %d already", full, line)
		case ok:
			if want := typeProblem(s, value); want != "" {
				w.problem(value, "%s must be %s, not %q", full, want, value.Value)
			}
			if value.Tag != "!!null" {
				w.set = append(w.set, full)
			}
		case len(below(full)) > 0:
			w.section(value, full)
		default:
			w.problem(key, "unknown setting %q%s", full, suggestion(full))
		}
	}
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
