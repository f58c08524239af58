package kit_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func noVariables(string) (string, bool) { return "", false }

func TestADamagedKitIsRefused(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for rule, c := range map[string]struct{ page, text string }{
		"a file that is no kit":      {"hello\n", "holds no recovery kit"},
		"an empty file":              {"", "holds no recovery kit"},
		"a key without a value":      {"backup-key:\narchive-identity: " + identity.String(), "holds no recovery kit"},
		"no archive identity":        {"backup-key: k\n", "lacks the archive's identity"},
		"a mistyped identity":        {"backup-key: k\narchive-identity: " + strings.Replace(identity.String(), "1", "2", 1), "cannot be right"},
		"a mistyped archiver":        {"backup-key: k\narchive-identity: " + identity.String() + "\narchive-writer: AAAA\n", "archive-writer: in kit.txt cannot be right"},
		"no archiver":                {"backup-key: k\narchive-identity: " + identity.String() + "\narchive-writer:\n", "archive-writer: in kit.txt cannot be right"},
		"more archivers than a page": {"backup-key: k\narchive-identity: " + identity.String() + strings.Repeat("\narchive-writer: "+strings.Repeat("A", 43)+"=", 17), "archive-writer: in kit.txt cannot be right"},
		"the identity of the target": {"backup-key: k\narchive-identity: s3://bucket\n", "cannot be right"},
	} {
		if k, err := kit.Parse("kit.txt", []byte(c.page)); err == nil || !strings.Contains(err.Error(), c.text) || fault.Status(err) != int(fault.Usage) {
			t.Errorf("%s: %+v, %v", rule, k, err)
		}
	}
	k, err := kit.Parse("kit.txt", []byte("  backup-key:  the key \r\n\tarchive-identity:"+identity.String()))
	if err != nil || k.BackupKey != "the key" || k.ArchiveIdentity != identity.String() || k.First.Target != "" {
		t.Errorf("the two secrets, copied by hand: %+v, %v", k, err)
	}
}

// installation is one with keys.
func installation(t *testing.T, k kit.Kit) config.Dirs {
	t.Helper()
	d := config.Dirs{Config: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{"backup-key": k.BackupKey, "archive-identity": k.ArchiveIdentity} {
		if err := os.WriteFile(d.CredentialFile(name), []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func standing(t *testing.T, d config.Dirs, b config.Backup) kit.Standing {
	t.Helper()
	s, err := kit.Stand(noVariables, d, b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAKitIsConfirmedByItsFingerprintAlone(t *testing.T) {
	var b config.Backup
	b.Target = "/srv/backup"
	k := kit.Kit{BackupKey: "the key", ArchiveIdentity: "the identity", First: target.Endpoint{BackupTarget: b.BackupTarget}}
	d := installation(t, k)
	if s := standing(t, d, b); s != kit.Unconfirmed {
		t.Fatal(s)
	}
	for _, typed := range []string{"", "yes", kit.Fingerprint("another key", "the identity"), k.Fingerprint()} {
		if err := kit.Confirm(d, k, typed); err == nil {
			t.Errorf("%q was accepted", typed)
		}
	}
	if s := standing(t, d, b); s != kit.Unconfirmed {
		t.Fatalf("after refusals: %s", s)
	}
	if err := kit.Confirm(d, k, " "+strings.ToLower(k.PageFingerprint())+"\n"); err != nil {
		t.Fatal(err)
	}
	if s := standing(t, d, b); s != kit.Confirmed {
		t.Error(s)
	}
	if data, err := os.ReadFile(filepath.Join(d.Config, "recovery-kit-confirmed")); err != nil || !strings.HasPrefix(string(data), k.Fingerprint()+"\ntarget: /srv/backup\n") {
		t.Errorf("%q, %v", data, err)
	}
}

// A kit that was confirmed opens nothing of other keys.
func TestAConfirmedKitIsComparedWithTheKeysInUse(t *testing.T) {
	var b config.Backup
	b.Target = "/srv/backup"
	k := kit.Kit{BackupKey: "the key", ArchiveIdentity: "the identity", First: target.Endpoint{BackupTarget: b.BackupTarget}}
	for _, c := range []struct {
		rule   string
		change func(d config.Dirs) error
		want   kit.Standing
	}{
		{"the same keys", func(config.Dirs) error { return nil }, kit.Confirmed},
		{"another key", func(d config.Dirs) error { return os.WriteFile(d.CredentialFile("backup-key"), []byte("other"), 0o600) }, kit.Outdated},
		{"another identity", func(d config.Dirs) error {
			return os.WriteFile(d.CredentialFile("archive-identity"), []byte("other"), 0o600)
		}, kit.Outdated},
		{"no key", func(d config.Dirs) error { return os.Remove(d.CredentialFile("backup-key")) }, kit.KeyMissing},
		{"no identity", func(d config.Dirs) error { return os.Remove(d.CredentialFile("archive-identity")) }, kit.KeyMissing},
		{"an empty key", func(d config.Dirs) error { return os.WriteFile(d.CredentialFile("backup-key"), nil, 0o600) }, kit.KeyMissing},
		{"what a service gets for none", func(d config.Dirs) error {
			return os.WriteFile(d.CredentialFile("backup-key"), []byte("missing"), 0o600)
		}, kit.KeyMissing},
	} {
		d := installation(t, k)
		if err := errors.Join(kit.Confirm(d, k, k.PageFingerprint()), c.change(d)); err != nil {
			t.Fatal(err)
		}
		if s := standing(t, d, b); s != c.want {
			t.Errorf("%s: %s, want %s", c.rule, s, c.want)
		}
	}
}

// A kit that was confirmed leads to nothing that its page does not name.
func TestAConfirmedKitIsComparedWithTheTargetsInUse(t *testing.T) {
	bucket := func(b *config.Backup) {
		b.Target, b.Endpoint, b.Region = "s3://backups/bank", "https://s3.example.org", "eu-1"
	}
	second := func(b *config.Backup) {
		b.Copy.Target, b.Copy.HostKey = "sftp://vault@files/backup", "ssh-ed25519 AAAA"
	}
	secret := func(name, text string) func(*testing.T, config.Dirs) {
		return func(t *testing.T, d config.Dirs) {
			t.Helper()
			if err := os.WriteFile(d.CredentialFile(name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	nothing := func(*testing.T, config.Dirs) {}
	for _, c := range []struct {
		rule   string
		change func(*config.Backup)
		files  func(*testing.T, config.Dirs)
		want   kit.Standing
	}{
		{"nothing", func(*config.Backup) {}, nothing, kit.Confirmed},
		{"what no page says", func(b *config.Backup) { b.LockDays, b.Schedule = 14, "hourly" }, nothing, kit.Confirmed},
		{"a directory", func(b *config.Backup) { b.Target, b.Endpoint = "/srv/backup", "" }, nothing, kit.OtherTargets},
		{"the bucket of another service", func(b *config.Backup) { b.Endpoint = "https://other" }, nothing, kit.OtherTargets},
		{"another copy", func(b *config.Backup) { b.Copy.Target = "/srv/copy" }, nothing, kit.OtherTargets},
		{"no copy any more", func(b *config.Backup) { b.Copy.Target = "" }, nothing, kit.OtherTargets},
		{"another region", func(b *config.Backup) { b.Region = "eu-2" }, nothing, kit.OtherSecrets},
		{"another host key", func(b *config.Backup) { b.Copy.HostKey = "ssh-ed25519 BBBB" }, nothing, kit.OtherSecrets},
		{"a new secret", func(*config.Backup) {}, secret("backup-secret-key", "new"), kit.OtherSecrets},
		{"a new key of the copy", func(*config.Backup) {}, secret("copy-ssh-key", "new"), kit.OtherSecrets},
		{"a secret that is gone, and still on the page", func(*config.Backup) {}, secret("backup-secret-key", ""), kit.Confirmed},
		{"a secret of a target that is not used", func(*config.Backup) {}, secret("backup-ssh-key", "new"), kit.Confirmed},
		{"confirmed by a version that remembered no targets", func(*config.Backup) {}, func(t *testing.T, d config.Dirs) {
			t.Helper()
			line := kit.Fingerprint("the key", "the identity") + "\n"
			if err := os.WriteFile(filepath.Join(d.Config, "recovery-kit-confirmed"), []byte(line), 0o600); err != nil {
				t.Fatal(err)
			}
		}, kit.TargetsUnknown},
	} {
		var b config.Backup
		bucket(&b)
		second(&b)
		d := installation(t, kit.Kit{BackupKey: "the key", ArchiveIdentity: "the identity"})
		for _, name := range []string{"backup-access-key", "backup-secret-key", "copy-ssh-key"} {
			secret(name, "the "+name)(t, d)
		}
		own := func() kit.Kit {
			k, err := kit.Own(noVariables, d, config.Config{Backup: b})
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		if err := kit.Confirm(d, own(), own().PageFingerprint()); err != nil {
			t.Fatal(err)
		}
		remembered, err := os.ReadFile(filepath.Join(d.Config, "recovery-kit-confirmed"))
		if err != nil || strings.Contains(string(remembered), "the ") {
			t.Errorf("a secret is remembered: %s, %v", remembered, err)
		}
		page := own().PageFingerprint()
		c.change(&b)
		c.files(t, d)
		if s := standing(t, d, b); s != c.want {
			t.Errorf("%s: %s, want %s", c.rule, s, c.want)
		}
		if c.want != kit.OtherTargets && c.want != kit.OtherSecrets {
			continue
		}
		if err := kit.Confirm(d, own(), page); err == nil || !strings.Contains(err.Error(), "older than the backup targets") {
			t.Errorf("%s: the old page was confirmed again: %v", c.rule, err)
		}
		if err := kit.Confirm(d, own(), own().PageFingerprint()); err != nil || standing(t, d, b) != kit.Confirmed {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

// A page that was read back is the page that was printed.
func TestAMachineRestoredWithAKitHasConfirmedIt(t *testing.T) {
	var b config.Backup
	b.Target, b.Endpoint, b.Region = "s3://backups/bank", "https://s3.example.org", "eu-1"
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	d := installation(t, kit.Kit{BackupKey: "the key", ArchiveIdentity: identity.String()})
	for _, name := range []string{"backup-access-key", "backup-secret-key"} {
		if err := os.WriteFile(d.CredentialFile(name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	own, err := kit.Own(noVariables, d, config.Config{Backup: b})
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := own.Print(&page, "bugs.example.org"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "\nfingerprint:       "+own.PageFingerprint()+"\n") {
		t.Errorf("%s", page.String())
	}
	read, err := kit.Parse("-", page.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := kit.MarkConfirmed(d, *read); err != nil || standing(t, d, b) != kit.Confirmed {
		t.Errorf("%v, %s", err, standing(t, d, b))
	}
	if err := kit.MarkConfirmed(d, kit.Kit{BackupKey: "the key", ArchiveIdentity: identity.String()}); err != nil || standing(t, d, b) != kit.TargetsUnknown {
		t.Errorf("two secrets, copied by hand: %v, %s", err, standing(t, d, b))
	}
}

func TestTheFingerprintTellsKitsApart(t *testing.T) {
	if kit.Fingerprint("ab", "c") == kit.Fingerprint("a", "bc") {
		t.Error("the fingerprint is not of both secrets")
	}
	if got := kit.Fingerprint("a", "b"); len(got) != 14 || strings.Count(got, "-") != 2 {
		t.Errorf("%q", got)
	}
}

func TestWithoutKeysThereIsNoKit(t *testing.T) {
	d := config.Dirs{Config: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := kit.Own(noVariables, d, config.Config{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	if err := os.WriteFile(d.CredentialFile("backup-key"), []byte("k\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kit.Own(noVariables, d, config.Config{}); err == nil || !strings.Contains(err.Error(), "no archive-identity") {
		t.Errorf("no identity: %v", err)
	}
	if key, identity, err := kit.Keys(noVariables, d); err != nil || key != "k" || identity != "" {
		t.Errorf("a service that may not read the archive: %q, %q, %v", key, identity, err)
	}
}
