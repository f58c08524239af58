package restore

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// brought is a plan for a new machine with the files of a set.
func brought(t *testing.T, files map[string][]byte) *Plan {
	t.Helper()
	d := config.Dirs{Config: filepath.Join(t.TempDir(), "etc"), State: t.TempDir()}
	if err := os.Mkdir(d.Config, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &job.Session{BackupKey: "the key", ArchiveIdentity: "identity"}
	return &Plan{r: &Restorer{Dirs: d, Lookup: func(string) (string, bool) { return "", false }, Session: s}, archive: &archive.Archive{}, files: files, NewMachine: true}
}

// A set of somebody who wants to become root writes nothing outside of /etc/bugspark.
func TestAHostileSetWritesNothingOutside(t *testing.T) {
	outside := t.TempDir()
	p := brought(t, map[string][]byte{
		"bugspark.yaml":                   []byte("server:\n  name: bugs.test\ntls:\n  mode: files\n  certificate: " + outside + "/cron.d/x\n  key: " + outside + "/sudoers.d/y\n"),
		"tls/certificate.pem":             []byte("* * * * * root id\n"),
		"tls/key.pem":                     []byte("ALL ALL=(ALL) NOPASSWD: ALL\n"),
		"credentials/secret-key":          []byte("kept"),
		"credentials/of-no-service":       []byte("not kept"),
		"credentials/../../escaped":       []byte("no"),
		"postgresql.conf.d/mine.conf":     []byte("work_mem = '7MB'\n"),
		"postgresql.conf.d/../../up.conf": []byte("no"),
		"postgresql.conf.d/.hidden.conf":  []byte("no"),
		"postgresql.conf.d/run.sh":        []byte("no"),
	})
	var err error
	if p.Config, err = p.newConfig(nil); err != nil {
		t.Fatal(err)
	}
	if err := setup.CheckRestored(p.r.Dirs); err != nil {
		t.Error(err)
	}
	defer func() {
		if err := setup.CheckRestored(p.r.Dirs); err == nil {
			t.Error("nothing tells that the machine is being restored")
		}
	}()
	if err := p.putFiles(); err != nil {
		t.Log(err) // without the accounts of the product
	}
	var found []string
	for _, root := range []string{outside, filepath.Dir(p.r.Dirs.Config)} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				inside, _ := filepath.Rel(p.r.Dirs.Config, path)
				found = append(found, inside)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(found, " ")
	if want := "archive-signing-key.pub bugspark.yaml credentials/archive-identity credentials/backup-key credentials/secret-key postgresql.conf.d/mine.conf recovery-kit-confirmed tls/certificate.pem tls/key.pem"; got != strings.TrimPrefix(want, "archive-signing-key.pub ") {
		t.Errorf("there are\n%s, want\n%s", got, want)
	}
}

// What a set makes of a machine is told before it happens, every address among it.
func TestWhatASetBringsIsTold(t *testing.T) {
	p := brought(t, map[string][]byte{
		"bugspark.yaml": []byte(`server: {name: bugs.test, https_port: 8443}
proxy: {trusted: [10.0.0.0/8]}
tls: {mode: files, certificate: /etc/cron.d/x, key: /k}
database: {mode: external}
storage: {engine: s3, endpoint: "https://s3.evil.test", bucket: pictures}
backup: {stream: true, target: /srv/b, copy: {target: "s3://vault/x", endpoint: "https://copy.evil.test"}}
mail: {host: mx.evil.test}
alert: {mail_to: [spy@evil.test], webhook: "https://hook.evil.test/secret"}
outbound: {plaintext_hosts: [mx.evil.test, s3.evil.test]}
`),
		"tls/key.pem": []byte("k"), "tls/certificate.pem": []byte("c"),
		"credentials/database-dsn":      []byte("host=db.evil.test port=6000 password='x y' dbname=b\n"),
		"credentials/replication-dsn":   []byte("postgres://r:secret@repl.evil.test:6001/b?host=other.evil.test"),
		"credentials/of-a-later\x1bone": []byte("x"),
		"postgresql.conf.d/mine.conf":   []byte("x"),
	})
	var err error
	if p.Config, err = p.newConfig(nil); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, b := range p.Brings() {
		text.WriteString(b.What + " " + b.Text + "\n")
	}
	got := text.String()
	for _, want := range []string{"is https://bugs.test:8443", "and 8443", "believes 10.0.0.0/8", "tls.certificate comes to " + p.r.Dirs.Config + "/tls/certificate.pem, and was /etc/cron.d/x",
		`database "host=db.evil.test port=6000"`, `"repl.evil.test:6001 host=other.evil.test" for its WAL`, "object store https://s3.evil.test, bucket pictures",
		"saves to /srv/b", "copies to s3://vault/x at https://copy.evil.test", "mail server mx.evil.test:25", "mails spy@evil.test", "webhook at hook.evil.test\n", "talks unencrypted to mx.evil.test, s3.evil.test\n",
		"sets PostgreSQL by postgresql.conf.d/mine.conf", `leaves out "credentials/of-a-later\x1bone"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, "secret") || strings.Contains(got, "x y") || strings.Contains(got, "\x1b") {
		t.Errorf("a secret or a control character is in\n%s", got)
	}
	p.NewMachine = false
	if got := p.Brings(); got != nil {
		t.Errorf("on a machine that is set up: %+v", got)
	}
}

// Links in the directory of the configuration lead nowhere.
func TestAFileOfASetFollowsNoLink(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for name, to := range map[string]string{"tls": outside, "a.conf": filepath.Join(outside, "a"), "b.conf": filepath.Join(outside, "missing")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"tls/key.pem", "a.conf", "b.conf"} {
		if err := putMissing(root, name, []byte("x"), 0o600); err == nil {
			t.Errorf("%s was put", name)
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside there are %v, %v", entries, err)
	}
	if err := putMissing(root, "new/c.conf", []byte("x"), 0o600); err != nil {
		t.Error(err)
	}
}
