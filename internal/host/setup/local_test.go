package setup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func TestAConfigurationThatSaysNothingGetsTheLocalTarget(t *testing.T) {
	dirs := config.Dirs{Config: t.TempDir(), Backups: "/var/backups/bugspark"}
	for _, c := range []struct{ rule, yaml, env, want string }{
		{"nothing", "", "", "/var/backups/bugspark"},
		{"no section", "log:\n  level: debug # why\n", "", "/var/backups/bugspark"},
		{"a section without a target", "backup:\n  keep_daily: 3\n", "", "/var/backups/bugspark"},
		{"another target", "backup:\n  target: /srv/b\n", "", "/srv/b"},
		{"emptied on purpose", "backup:\n  target: \"\"\n", "", ""},
		{"emptied without quotes", "backup:\n  target:\n", "", ""},
		{"the environment's", "", "/srv/e", "/srv/e"},
	} {
		env := func(name string) (string, bool) { return c.env, name == "BUGSPARK_BACKUP_TARGET" && c.env != "" }
		data, cfg, err := setup.NameTarget(dirs, []byte("server:\n  name: bugs.test\n"+c.yaml), env)
		if err != nil || cfg.Backup.Target != c.want {
			t.Errorf("%s: %q, %v", c.rule, cfg.Backup.Target, err)
			continue
		}
		again, _, err := setup.NameTarget(dirs, data, env)
		if err != nil || string(again) != string(data) || !strings.HasPrefix(string(data), "server:\n  name: bugs.test\n"+c.yaml[:min(4, len(c.yaml))]) {
			t.Errorf("%s: the second time\n%s, %v", c.rule, again, err)
		}
		if c.rule == "no section" && !strings.Contains(string(data), "level: debug # why") {
			t.Errorf("the rest did not stay: %s", data)
		}
	}
	if _, cfg, err := setup.NameTarget(config.Dirs{Config: t.TempDir()}, nil, noEnv); err != nil || cfg.Backup.Target != "" {
		t.Errorf("in the foreground: %q, %v", cfg.Backup.Target, err)
	}
}

// held is a site whose target has files of these names.
func held(t *testing.T, names ...string) *setup.Site {
	t.Helper()
	s := site(t, "server:\n  name: bugs.test\nbackup:\n  target: /srv/b\n")
	s.Names = func(context.Context, string) ([]string, error) { return names, nil }
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestALostKeyIsNotMadeAnewBesideItsBackups(t *testing.T) {
	for _, c := range []struct {
		rule, lost string
		names      []string
		refused    bool
	}{
		{"no key is lost", "", []string{"owner.json", "sets"}, false},
		{"an empty target", "backup-key", nil, false},
		{"a target that was only claimed", "backup-key", []string{"owner.json"}, false},
		{"the key of sets", "backup-key", []string{"owner.json", "sets"}, true},
		{"the identity of an archive", "archive-identity", []string{"archive", "owner.json"}, true},
	} {
		s := held(t, c.names...)
		if c.lost != "" {
			if err := os.Remove(s.Dirs.CredentialFile(c.lost)); err != nil {
				t.Fatal(err)
			}
		}
		err := s.CheckKeys(t.Context())
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", c.rule, err)
		}
		if c.refused && (fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), c.lost) || !strings.Contains(strings.Join(fault.Hints(err), " "), "kit")) {
			t.Errorf("%s: %v, %q", c.rule, err, fault.Hints(err))
		}
	}
}

func TestALostKeyIsNotMadeAnewWhileTheTargetIsAway(t *testing.T) {
	s := held(t)
	if _, err := converger(s, newManager()).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Dirs.CredentialFile("backup-key")); err != nil {
		t.Fatal(err)
	}
	s.Names = func(context.Context, string) ([]string, error) { return nil, errors.New("no answer") }
	if err := s.CheckKeys(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot be seen") {
		t.Errorf("%v", err)
	}
}

// The identity of a kit, written over the one that was made after it was lost.
func TestTheRecipientFollowsTheIdentity(t *testing.T) {
	s := held(t)
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Dirs.CredentialFile("archive-identity"), []byte(identity.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changes, err := s.PlanFiles(); err != nil || len(changes) != 1 || filepath.Base(changes[0].What) != "archive-recipient" {
		t.Fatalf("%v, %v", changes, err)
	}
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(s.Dirs.CredentialFile("archive-recipient")); err != nil || string(data) != identity.Recipient().String() {
		t.Errorf("%q, %v", data, err)
	}
}
