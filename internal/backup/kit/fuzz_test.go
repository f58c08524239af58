package kit_test

import (
	"bytes"
	"testing"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/kit"
)

// FuzzParse reads pages that somebody has typed: what is read can be printed and read
// again, and is the same then.
func FuzzParse(f *testing.F) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	secrets := "backup-key: k\narchive-identity: " + identity.String() + "\n"
	f.Add([]byte(secrets))
	f.Add([]byte(secrets + "archive-writer: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nbackup target: s3://b/p\ntarget endpoint: https://s3\ntarget ssh key: bm90IGEga2V5\ncopy: /srv/b\n"))
	f.Add([]byte("backup-key:\n"))
	f.Add([]byte("\x00\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := kit.Parse("kit.txt", data)
		if err != nil {
			return
		}
		var page bytes.Buffer
		if err := k.Print(&page, "bugs.test"); err != nil {
			t.Fatal(err)
		}
		again, err := kit.Parse("kit.txt", page.Bytes())
		if err != nil {
			t.Fatalf("what was printed cannot be read: %v\n%s", err, page.String())
		}
		if again.BackupKey != k.BackupKey || again.ArchiveIdentity != k.ArchiveIdentity || len(again.Writers) != len(k.Writers) {
			t.Errorf("%+v instead of %+v", again, k)
		}
	})
}
