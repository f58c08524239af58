package config

import "strings"

// Value returns the setting of a dotted key, as a string, an int, a bool or a list of
// strings; not ok when no such setting is declared.
func (c Config) Value(key string) (value any, ok bool) {
	value, ok = c.values()[key]
	return value, ok
}

// Declared lists the settings of a key: the one of that name, or all of the section.
func Declared(key string) []string {
	var out []string
	for _, s := range Settings() {
		if s.Key == key || strings.HasPrefix(s.Key, key+".") {
			out = append(out, s.Key)
		}
	}
	return out
}
