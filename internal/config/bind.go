package config

import "reflect"

// values returns the value of every setting of c by its key, as a string, int,
// bool or []string. It reads the fields by their mapstructure tags, as the
// decoder does.
func (c Config) values() map[string]any {
	out := map[string]any{}
	walkFields(reflect.ValueOf(c), "", func(key string, v reflect.Value) { out[key] = v.Interface() })
	return out
}

func walkFields(v reflect.Value, section string, visit func(string, reflect.Value)) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag.Get("mapstructure")
		key := section + tag
		switch {
		case tag == ",squash":
			walkFields(field, section, visit)
		case field.Kind() == reflect.Struct:
			walkFields(field, key+".", visit)
		default:
			visit(key, field)
		}
	}
}
