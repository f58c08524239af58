package config_test

import (
	"reflect"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

func TestEverySettingHasAValueOfItsType(t *testing.T) {
	cfg, err := config.Parse("test", nil, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range config.Settings() {
		v, ok := cfg.Value(s.Key)
		if !ok || reflect.TypeOf(v) != reflect.TypeOf(s.Default) {
			t.Errorf("%s is %T (%v), want %T", s.Key, v, ok, s.Default)
		}
	}
}

func TestValueOfANestedSetting(t *testing.T) {
	cfg, err := config.Parse("test", []byte("backup:\n  target: /srv/a\n  copy:\n    target: /srv/b\n"), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{"backup.target": "/srv/a", "backup.copy.target": "/srv/b"} {
		if got, ok := cfg.Value(key); !ok || got != want {
			t.Errorf("%s is %v, %v", key, got, ok)
		}
	}
	for _, key := range []string{"", "backup", "backup.copy", "backup.nothing", "server.name.more", "."} {
		if got, ok := cfg.Value(key); ok {
			t.Errorf("%q is a setting: %v", key, got)
		}
	}
}

func TestDeclaredExpandsASection(t *testing.T) {
	for key, want := range map[string]int{"log": 1, "log.level": 1, "server": 3, "serve": 0, "log.": 0, "": 0} {
		if got := config.Declared(key); len(got) != want {
			t.Errorf("%q has %v", key, got)
		}
	}
}
