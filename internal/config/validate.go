package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bugspark/bugspark/internal/fault"
)

// validate checks every value against its declaration and the rules between
// settings, and names all problems at once.
func (c Config) validate(name string) error {
	values := c.values()
	var bad []string
	missing := map[Condition][]string{} // settings that are required and empty
	for _, s := range Settings() {
		if s.Required && s.Applies.holds(values) && values[s.Key] == "" {
			missing[s.Applies] = append(missing[s.Applies], s.Key)
			continue
		}
		bad = append(bad, s.problems(values)...)
	}
	for when, keys := range missing {
		bad = append(bad, fmt.Sprintf("%s %v needs %s", when.Key, values[when.Key], strings.Join(keys, " and ")))
	}
	for _, rule := range rules() {
		if problem := rule(c); problem != "" {
			bad = append(bad, problem)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fault.New(fault.Usage, "edit "+name+", then run the command again", "%s: %s", name, strings.Join(bad, "; "))
}

// problems lists what is wrong with the setting's value. Ranges and allowed
// values are always checked, forms only where the setting applies: a leftover
// of another mode does no harm.
func (s Setting) problems(values map[string]any) []string {
	var out []string
	check := func(text string) {
		// An empty text is fine where that is the default.
		if s.Applies.holds(values) && (text != "" || s.Default != "") {
			if problem := s.Form.problem(s, text); problem != "" {
				out = append(out, problem)
				return
			}
		}
		// Values come into unit files, mails and logs, where a line is a directive of its
		// own, also those of settings that do not apply.
		if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			out = append(out, s.Key+" must not hold line breaks, control characters and others that cannot be seen")
		}
	}
	switch v := values[s.Key].(type) {
	case int:
		if v < s.Min || v > s.Max {
			out = append(out, fmt.Sprintf("%s must be between %d and %d, not %d", s.Key, s.Min, s.Max, v))
		}
	case string:
		if len(s.Allowed) > 0 && !slices.Contains(s.Allowed, v) {
			out = append(out, fmt.Sprintf("%s must be one of %s, not %q", s.Key, strings.Join(s.Allowed, ", "), v))
		}
		check(v)
	case []string:
		for _, element := range v {
			check(element)
		}
	}
	return out
}
