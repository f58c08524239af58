package kit_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/rescue"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
)

// A kit that was printed is read back with everything that opens both targets.
func TestAKitIsReadAsItWasPrinted(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	remote := func(second bool) target.Endpoint {
		if second {
			return target.Endpoint{Copy: true, BackupTarget: config.BackupTarget{Target: "sftp://vault@files.example.org/backup", HostKey: "ssh-ed25519 AAAA", Region: "us-east-1"},
				Secrets: map[string]string{target.SSHKey: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----"}}
		}
		return target.Endpoint{BackupTarget: config.BackupTarget{Target: "s3://backups/bank", Endpoint: "https://s3.example.org", Region: "eu-1"},
			Secrets: map[string]string{target.AccessKey: "an access key", target.SecretKey: "a secret/key+="}}
	}
	first, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]kit.Kit{
		"two archivers":    {First: target.Endpoint{BackupTarget: config.BackupTarget{Target: "/srv/backup", Region: "us-east-1"}}, Writers: []ed25519.PublicKey{first, second}},
		"a directory":      {First: target.Endpoint{BackupTarget: config.BackupTarget{Target: "/srv/backup", Region: "us-east-1"}}},
		"a bucket, a copy": {First: remote(false), Second: remote(true)},
	} {
		k.BackupKey, k.ArchiveIdentity = "the key", identity.String()
		var page bytes.Buffer
		if err := k.Print(&page, "bugs.example.org"); err != nil {
			t.Fatal(err)
		}
		got, err := kit.Parse("-", page.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for i, pair := range [][2]target.Endpoint{{k.First, got.First}, {k.Second, got.Second}} {
			want, have := pair[0], pair[1]
			l, err := want.Locate()
			if err != nil {
				t.Fatal(err)
			}
			if have.Target != want.Target {
				t.Errorf("%s, target %d: %q instead of %q in\n%s", name, i, have.Target, want.Target, page.String())
			}
			if l.Kind == "s3" || l.Kind == "sftp" {
				if have.BackupTarget != want.BackupTarget {
					t.Errorf("%s, target %d: %+v instead of %+v", name, i, have.BackupTarget, want.BackupTarget)
				}
				for secret, text := range have.Secrets {
					if want.Secrets[secret] != text {
						t.Errorf("%s, target %d: secret %s is %q", name, i, secret, text)
					}
				}
			}
		}
		if !slices.EqualFunc(got.Writers, k.Writers, func(a, b ed25519.PublicKey) bool { return a.Equal(b) }) {
			t.Errorf("%s: archivers %v instead of %v", name, got.Writers, k.Writers)
		}
		if got.PageFingerprint() != k.PageFingerprint() {
			t.Errorf("%s: fingerprint %s instead of %s", name, got.PageFingerprint(), k.PageFingerprint())
		}
		if got.BackupKey != k.BackupKey || got.ArchiveIdentity != k.ArchiveIdentity {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(name, "directory") && (strings.Contains(page.String(), "region") || strings.Contains(page.String(), "copy:")) {
			t.Errorf("the page says more than there is:\n%s", page.String())
		}
	}
}

// The page lists what may be run and followed on a target.
func TestAKitListsTheHashesOfWhatLiesOnTheTarget(t *testing.T) {
	sums, err := rescue.Sums(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := (kit.Kit{Rescue: sums}).Print(&page, "bugs.example.org"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "\n"+sums[0].SHA256+"  RESTORE.txt\n") {
		t.Errorf("%s", page.String())
	}
}
