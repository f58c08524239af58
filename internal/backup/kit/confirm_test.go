package kit_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/kit"
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

func TestAKitIsConfirmedByItsFingerprintAlone(t *testing.T) {
	d := config.Dirs{Config: t.TempDir()}
	k := kit.Kit{BackupKey: "the key", ArchiveIdentity: "the identity"}
	if ok, err := kit.Confirmed(d); ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	for _, typed := range []string{"", "yes", kit.Fingerprint("another key", "the identity")} {
		if err := kit.Confirm(d, k, typed); err == nil {
			t.Errorf("%q was accepted", typed)
		}
	}
	if ok, err := kit.Confirmed(d); ok || err != nil {
		t.Fatalf("after refusals: %v, %v", ok, err)
	}
	if err := kit.Confirm(d, k, " "+strings.ToLower(k.Fingerprint())+"\n"); err != nil {
		t.Fatal(err)
	}
	at, err := kit.ConfirmedAt(d)
	if err != nil || at.IsZero() {
		t.Errorf("%s, %v", at, err)
	}
	if data, err := os.ReadFile(filepath.Join(d.Config, "recovery-kit-confirmed")); err != nil || string(data) != k.Fingerprint()+"\n" {
		t.Errorf("%q, %v", data, err)
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
