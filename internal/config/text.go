package config

import (
	"fmt"
	"strings"
)

// literal is a value as YAML writes it.
func literal(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case []string:
		return "[]"
	default:
		return fmt.Sprint(v)
	}
}

// Accepts says in one phrase which values a setting takes, such as "1 to 1024
// MiB" or "one of internal, acme, files"; empty when any text will do.
func (s Setting) Accepts() string {
	switch s.Default.(type) {
	case int:
		if s.Max == maxRate {
			return strings.TrimSpace(fmt.Sprintf("%d or more %s", s.Min, s.Unit))
		}
		return strings.TrimSpace(fmt.Sprintf("%d to %d %s", s.Min, s.Max, s.Unit))
	case bool:
		return "true or false"
	case []string:
		if s.Form.Is == "" {
			return "a list"
		}
		return "a list, each " + s.Form.Is
	}
	if len(s.Allowed) > 0 {
		return "one of " + strings.Join(s.Allowed, ", ")
	}
	return s.Form.Is
}

// OnlyWith says which other setting makes this one matter, empty when it always
// does.
func (s Setting) OnlyWith() string {
	if s.Applies.Key == "" {
		return ""
	}
	need := "Only with"
	if s.Required {
		need = "Needed with"
	}
	if scheme := s.Applies.Value; strings.HasSuffix(scheme, "://") {
		return fmt.Sprintf("%s a %s that begins with %s.", need, s.Applies.Key, scheme)
	}
	return fmt.Sprintf("%s %s %s.", need, s.Applies.Key, s.Applies.Value)
}
