package job_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/writer"
)

// elsewhere is the server of another life.
type elsewhere struct{}

func (elsewhere) Heartbeat(context.Context) (bool, error)               { return true, nil }
func (elsewhere) Pictures(context.Context, time.Time) ([]string, error) { return nil, nil }
func (elsewhere) Position(context.Context) (uint32, string, error) {
	return 9, "", errors.New("it is gone")
}

// TestAfterTheSigningKeyHasChanged asks with a kit from before the change, and ships to an
// archive in which another life of the server is, which the key before has signed.
func TestAfterTheSigningKeyHasChanged(t *testing.T) {
	t.Parallel()
	j, ctx := newJobs(t), t.Context()
	execute(t, j.Programs.StateDir, "postgres", "GRANT pg_read_all_stats TO bugspark_backup")
	execute(t, j.Programs.StateDir, "bugspark", "GRANT USAGE ON SCHEMA bugspark TO bugspark_backup", "GRANT UPDATE ON backup_beat TO bugspark_backup")
	if _, err := j.Create(ctx, job.CreateOptions{Claim: true}, silent); err != nil {
		t.Fatal(err)
	}
	k, err := kit.Own(j.Lookup, j.Dirs, j.Config)
	if err != nil || len(k.Writers) != 1 {
		t.Fatalf("%v, %v", k.Writers, err)
	}
	text, err := os.ReadFile(j.Dirs.CredentialFile(writer.Credential))
	if err != nil {
		t.Fatal(err)
	}
	before, err := writer.ParseKey(string(text))
	if err != nil {
		t.Fatal(err)
	}
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.ParseX25519Identity(k.ArchiveIdentity)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		j.Dirs.CredentialFile(writer.Credential):   hex.EncodeToString(key.Seed()),
		j.Dirs.CredentialFile("archive-recipient"): identity.Recipient().String(),
		writer.File(j.Dirs):                        string(writer.Keys{Writers: []ed25519.PublicKey{public}, Retired: k.Writers}.Format()),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := j.Create(ctx, job.CreateOptions{}, silent)
	if err != nil {
		t.Fatal(err)
	}
	s, err := j.Open(ctx, job.OpenOptions{KeepRoot: true, Beside: true, Kit: &k})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if a, err := s.Archive(ctx); err != nil || len(a.Writers) != 1 || !a.Writers[0].Equal(public) || len(a.Retired) != 1 || !a.Retired[0].Equal(k.Writers[0]) {
		t.Errorf("with the kit from before: %+v, %v", a, err)
	}

	system := set.Document.Database.SystemIdentifier
	other := filepath.Join(t.TempDir(), system, "00000009")
	if err := errors.Join(os.MkdirAll(other, 0o700), os.MkdirAll(filepath.Join(history.File(j.Dirs, "spool"), system), 0o700),
		archive.WriteStay(other, archive.Stay{Timeline: 9, Since: time.Now()}),
		os.WriteFile(filepath.Join(other, "00000009.history"), []byte("1\t0/2000000\tx\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	objects, err := j.Objects()
	if err != nil {
		t.Fatal(err)
	}
	life := archive.Shipper{
		Archive: &archive.Archive{Target: target.Directory(j.Config.Backup.Target), Recipient: identity.Recipient(), Signer: before, Writers: k.Writers},
		System:  system, Spool: filepath.Dir(other), Source: elsewhere{}, Objects: objects, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}
	if err := life.Round(ctx); err != nil {
		t.Fatal(err)
	}
	shipping, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- j.Ship(shipping) }()
	for {
		h, err := history.Read(j.Dirs)
		if err != nil {
			t.Fatal(err)
		}
		if h.WAL.Ahead.File != "" {
			break
		}
		if h.WAL.Forged != "" {
			t.Errorf("the other life is passed over: %+v", h.WAL)
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("the archiver ended: %v", err)
		case <-ctx.Done():
			t.Fatal("the archiver does not look")
		case <-time.After(50 * time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
