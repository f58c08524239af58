package config

import (
	"fmt"
	"reflect"
	"testing"
)

// Every declaration has one field of its type, and every field a declaration.
func TestEveryDeclarationHasItsField(t *testing.T) {
	fields := map[string]reflect.Type{}
	walkFields(reflect.ValueOf(Config{}), "", func(key string, v reflect.Value) {
		if _, twice := fields[key]; twice {
			t.Errorf("two fields are %s", key)
		}
		fields[key] = v.Type()
	})
	seen := map[string]bool{}
	for _, s := range Settings() {
		if seen[s.Key] {
			t.Errorf("%s is declared twice", s.Key)
		}
		seen[s.Key] = true
		switch have := fields[s.Key]; {
		case have == nil:
			t.Errorf("%s has no field in Config", s.Key)
		case have != reflect.TypeOf(s.Default):
			t.Errorf("%s is declared as %T, its field is %s", s.Key, s.Default, have)
		}
	}
	for key := range fields {
		if !seen[key] {
			t.Errorf("the field %s of Config has no declaration", key)
		}
	}
}

// A value in the file must arrive in the field of the same key: this catches a
// decoder that reads tags in another way than the walk.
func TestEverySettingArrivesInItsField(t *testing.T) {
	for _, s := range Settings() {
		text, want := "", any(nil)
		switch d := s.Default.(type) {
		case bool:
			text, want = fmt.Sprint(!d), !d
		case int:
			want = s.Max - 1
			text = fmt.Sprint(want)
		case string:
			text, want = "text for "+s.Key, "text for "+s.Key
		case []string:
			text, want = "element", []string{"element"}
		}
		// The value may be refused; what matters is where it went.
		c, _, _ := resolve("test", nil, func(name string) (string, bool) { return text, name == EnvName(s.Key) })
		if got := c.values()[s.Key]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %v, not %v", s.Key, got, want)
		}
	}
}

func TestDeclarationsAreComplete(t *testing.T) {
	for _, s := range Settings() {
		_, number := s.Default.(int)
		_, text := s.Default.(string)
		switch {
		case s.Doc == "" || s.Doc[len(s.Doc)-1] != '.':
			t.Errorf("%s: the documentation is no sentence: %q", s.Key, s.Doc)
		case number && (s.Max <= s.Min || s.Default.(int) < s.Min || s.Default.(int) > s.Max):
			t.Errorf("%s: default %v is not within %d to %d", s.Key, s.Default, s.Min, s.Max)
		case !number && (s.Min != 0 || s.Max != 0 || s.Unit != ""):
			t.Errorf("%s has a range and is no number", s.Key)
		case s.Required && (!text || s.Default != "" || s.Applies.Key == ""):
			t.Errorf("%s: only an empty text that applies with another setting can be required", s.Key)
		}
		if other, ok := declared(s.Applies.Key); s.Applies.Key != "" && (!ok || (len(other.Allowed) > 0 && other.problems(map[string]any{other.Key: s.Applies.Value}) != nil)) {
			t.Errorf("%s applies with %s %q, which cannot be", s.Key, s.Applies.Key, s.Applies.Value)
		}
	}
}
