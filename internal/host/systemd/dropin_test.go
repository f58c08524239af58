package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const api = "bugspark-api.service"

func TestDropInsAreWrittenReadAndRemoved(t *testing.T) {
	b := &fakeBus{}
	m := fakeManager(t, b)
	if got, err := m.DropIn(api); got != "" || err != nil {
		t.Fatalf("before any was written: %q, %v", got, err)
	}
	for _, content := range []string{"[Service]\nMemoryMax=1G\n", "[Service]\nMemoryMax=2G\n"} {
		if err := m.WriteDropIn(t.Context(), api, content); err != nil {
			t.Fatal(err)
		}
		if got, err := m.DropIn(api); got != content || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	}
	path := filepath.Join(m.etc, api+".d", "50-bugspark.conf")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
		t.Errorf("systemd's other users cannot read it: %v, %v", info, err)
	}
	if err := m.WriteDropIn(t.Context(), api, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty directory stayed: %v", err)
	}
	if err := m.WriteDropIn(t.Context(), api, ""); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	if want := slices.Repeat([]string{"reload"}, 4); !slices.Equal(b.calls, want) {
		t.Errorf("called %q", b.calls)
	}
}

func TestTheAdministratorsDropInStays(t *testing.T) {
	m := fakeManager(t, &fakeBus{})
	his := filepath.Join(m.etc, api+".d", "override.conf")
	if err := os.MkdirAll(filepath.Dir(his), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(his, []byte("[Service]\nNice=5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, content := range []string{"[Service]\n", ""} {
		if err := m.WriteDropIn(t.Context(), api, content); err != nil {
			t.Fatal(err)
		}
	}
	if data, err := os.ReadFile(his); err != nil || !strings.Contains(string(data), "Nice=5") {
		t.Errorf("it is gone: %q, %v", data, err)
	}
	if got, err := m.DropIn(api); got != "" || err != nil {
		t.Errorf("ours is left: %q, %v", got, err)
	}
}

func TestADropInThatCannotBeWrittenIsAnError(t *testing.T) {
	b := &fakeBus{}
	m := fakeManager(t, b)
	// A file stands where the directory must be.
	if err := os.WriteFile(filepath.Join(m.etc, api+".d"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := m.DropIn(api); err == nil || !strings.Contains(err.Error(), api) {
		t.Errorf("reading: %v", err)
	}
	for _, content := range []string{"[Service]\n", ""} {
		if err := m.WriteDropIn(t.Context(), api, content); err == nil || !strings.Contains(err.Error(), api) {
			t.Errorf("writing %q: %v", content, err)
		}
	}
	if len(b.calls) > 0 {
		t.Errorf("called %q although nothing changed", b.calls)
	}
}

func TestInstallWritesUnitsAndReloads(t *testing.T) {
	b := &fakeBus{}
	m := fakeManager(t, b)
	read := func(name string) ([]byte, error) {
		if name == "missing.service" {
			return nil, os.ErrNotExist
		}
		return []byte("[Unit]\n"), nil
	}
	if err := m.Install(t.Context(), []string{api}, read); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(m.etc, api)); string(data) != "[Unit]\n" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if err := m.Install(t.Context(), []string{"missing.service"}, read); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a unit that is not shipped: %v", err)
	}
	if !slices.Equal(b.calls, []string{"reload"}) {
		t.Errorf("called %q", b.calls)
	}
}
