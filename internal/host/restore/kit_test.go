package restore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	i, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestTheKitOfAnotherInstallationIsRefused(t *testing.T) {
	d := config.Dirs{Config: t.TempDir()}
	r := &Restorer{Dirs: d, Lookup: func(string) (string, bool) { return "", false }, Session: &job.Session{BackupKey: "theirs", ArchiveIdentity: "their identity"}}
	if err := r.ownKit(); err != nil {
		t.Errorf("a machine that has lost its keys: %v", err)
	}
	for name, text := range map[string]string{"backup-key": "ours\n", "archive-identity": "our identity\n"} {
		if err := os.MkdirAll(filepath.Dir(d.CredentialFile(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.CredentialFile(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := r.ownKit()
	if err == nil || fault.Status(err) != int(fault.Preflight) ||
		!strings.Contains(err.Error(), kit.Fingerprint("theirs", "their identity")) || !strings.Contains(err.Error(), kit.Fingerprint("ours", "our identity")) {
		t.Errorf("another's: %v", err)
	}
	r.Session = &job.Session{BackupKey: "ours", ArchiveIdentity: "our identity"}
	if err := r.ownKit(); err != nil {
		t.Errorf("our own: %v", err)
	}
}

func TestAKitOfTwoPagesIsRefused(t *testing.T) {
	ours, theirs := identity(t), identity(t)
	p := &Plan{r: &Restorer{Session: &job.Session{ArchiveIdentity: ours.String()}}, files: map[string][]byte{}}
	if err := p.sameArchive(); err != nil {
		t.Errorf("a set that does not say: %v", err)
	}
	p.files[backup.CredentialsDir+"archive-recipient"] = []byte(ours.Recipient().String() + "\n")
	if err := p.sameArchive(); err != nil {
		t.Errorf("the one it was: %v", err)
	}
	p.files[backup.CredentialsDir+"archive-recipient"] = []byte(theirs.Recipient().String() + "\n")
	if err := p.sameArchive(); err == nil || !strings.Contains(err.Error(), theirs.Recipient().String()) || !strings.Contains(err.Error(), ours.Recipient().String()) {
		t.Errorf("another's: %v", err)
	}
}
