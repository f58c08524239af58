package config

import (
	"reflect"
	"strings"
)

// Value returns the setting of a dotted key, as a string, an int, a bool or a list of
// strings; not ok when no such setting is declared.
func (c Config) Value(key string) (value any, ok bool) {
	if _, ok := declared(key); !ok {
		return nil, false
	}
	v, ok := field(reflect.ValueOf(c), key)
	if !ok {
		return nil, false
	}
	return v.Interface(), true
}

// field follows a dotted key through the tags that also decode the file.
func field(v reflect.Value, key string) (reflect.Value, bool) {
	name, rest, nested := strings.Cut(key, ".")
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("mapstructure")
		if strings.HasSuffix(tag, ",squash") {
			if found, ok := field(v.Field(i), key); ok {
				return found, true
			}
			continue
		}
		if tag != name {
			continue
		}
		if nested {
			if v.Field(i).Kind() != reflect.Struct {
				return reflect.Value{}, false
			}
			return field(v.Field(i), rest)
		}
		return v.Field(i), true
	}
	return reflect.Value{}, false
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
