package durable_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/durable"
)

func owner(t *testing.T, path string) uint32 {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid
}

func TestGiveFileGivesNoFileThatALinkLeadsTo(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	own, secret := filepath.Join(dir, "own"), filepath.Join(dir, "secret")
	for _, file := range []string{own, secret} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, link := range map[string]func(string, string) error{"symbolic": os.Symlink, "hard": os.Link} {
		path := filepath.Join(dir, name)
		if err := link(secret, path); err != nil {
			t.Fatal(err)
		}
		if err := durable.GiveFile(path, 12345, 12345); err == nil || owner(t, secret) != 0 {
			t.Errorf("through a %s link: %v", name, err)
		}
	}
	if err := durable.GiveFile(own, 12345, 12345); err != nil || owner(t, own) != 12345 {
		t.Errorf("%v", err)
	}
}
