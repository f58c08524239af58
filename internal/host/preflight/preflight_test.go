package preflight

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

func TestRunNamesEveryFailureInTheOrderOfTheChecks(t *testing.T) {
	fail := func(text string) func(context.Context) error {
		return func(context.Context) error { return fault.New(fault.Preflight, "mend "+text, "%s", text) }
	}
	findings, err := Run(t.Context(), []Check{
		{"a", "A", Machine, fail("first")}, {"b", "B", Machine, func(context.Context) error { return nil }}, {"c", "C", Machine, fail("second")},
	})
	if fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), "first\nsecond") {
		t.Errorf("%v", err)
	}
	if len(findings) != 3 || findings[0].Error != "first" || findings[1].Error != "" || findings[2].Hints[0] != "mend second" {
		t.Errorf("%+v", findings)
	}
}

func TestWithoutLeavesOutSubjectsAndTheOriginalList(t *testing.T) {
	all := []Check{{ID: "disk"}, {ID: "secrets", Subject: Secrets}, {ID: "replication", Subject: Replication}}
	got := Without(all, Secrets, Replication)
	if len(got) != 1 || got[0].ID != "disk" || all[1].ID != "secrets" {
		t.Errorf("%v of %v", got, all)
	}
}

func TestEveryCheck(t *testing.T) {
	built := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).Port
	dirs := config.Dirs{Config: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(dirs.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dirs.CredentialFile("storage-access-key"), []byte("  \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files := config.Config{TLS: config.TLS{Mode: "files", Certificate: dirs.Config + "/none.pem"}}
	outside := config.Config{Database: config.Database{Mode: "external"}, Storage: config.Storage{Engine: "s3"}}
	away := errors.New("the bus is away")
	withDSN := func(dsn string) config.Dirs {
		d := config.Dirs{Config: t.TempDir()}
		if err := os.MkdirAll(filepath.Dir(d.CredentialFile("database-dsn")), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(d.CredentialFile("database-dsn"), []byte(dsn), 0o600); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		rule  string
		check Check
		says  string // empty: it passes
	}{
		{"a clock before the build is refused", Clock(built.AddDate(-56, 0, 0), built), "before this program was built"},
		{"a day before the build is a time zone", Clock(built.Add(-23*time.Hour), built), ""},
		{"a clock long after the build is refused", Clock(built.AddDate(16, 0, 0), built), "more than 15 years after"},
		{"a port of another process names the process", Port("port-https", port, false, "set server.https_port"), "is taken by preflight.test"},
		{"a port that our own socket holds is free", Port("port-https", port, true, ""), ""},
		{"a directory with room passes", Disk(t.TempDir()), ""},
		{"systemd before 252 is too old", Systemd(manager{version: 251}), "systemd 251 is too old"},
		{"systemd that lacks units", Systemd(manager{version: 252, missing: []string{"a.service", "b.timer"}}), "units are missing: a.service, b.timer"},
		{"systemd 252 with every unit passes", Systemd(manager{version: 252}), ""},
		{"systemd that does not answer", Systemd(manager{err: away}), away.Error()},
		{"a service manager that cannot be reached", Broken(away), away.Error()},
		{"a managed site needs no secrets of its own", OwnSecrets(dirs, config.Config{Database: config.Database{Mode: "managed"}, Storage: config.Storage{Engine: "minio"}}), ""},
		{"a missing and a blank secret", OwnSecrets(dirs, outside), "the secret storage-access-key is missing"},
		{"a connection string that says nothing of encryption", OwnSecrets(withDSN("postgres://u:p@db.test/x"), config.Config{Database: config.Database{Mode: "external"}}), "the connection string database-dsn: the way to db.test would be encrypted or not"},
		{"one that does", OwnSecrets(withDSN("postgres://u:p@db.test/x?sslmode=require"), config.Config{Database: config.Database{Mode: "external"}}), ""},
		{"a certificate matters in tls.mode files only", CertificateFiles(config.Config{TLS: config.TLS{Mode: "internal"}}, nil), ""},
		{"a certificate that is not there", CertificateFiles(files, nil), "reading tls.certificate"},
		{"no PostgreSQL", PostgreSQL(func(context.Context) error { return away }), "looking for PostgreSQL"},
		{"no MinIO", MinIO(func() error { return away }), away.Error()},
		{"WAL that is not let out", WAL(func(context.Context) error { return away }), away.Error()},
		{"a customer's database that is away", Database(func(context.Context) error { return away }), "asking your database: " + away.Error()},
		{"a customer's object store that is away", Storage(func(context.Context) error { return away }), "asking your object store: " + away.Error()},
		{"both are there", Storage(func(context.Context) error { return nil }), ""},
		{"schedules that systemd understands", Schedules(config.Config{Backup: config.Backup{Schedule: "*-*-* 02:15", DrillSchedule: "Sun *-*-* 03:45", Copy: config.Copy{Schedule: "*:20"}}}), ""},
		{"one that it does not", Schedules(config.Config{Backup: config.Backup{Schedule: "at noon", DrillSchedule: "daily", Copy: config.Copy{Schedule: "*:20"}}}), `backup.schedule: systemd does not understand "at noon"`},
		{"a connection string that is none", OwnSecrets(withDSN("nonsense"), config.Config{Database: config.Database{Mode: "external"}}), "the connection string database-dsn cannot be read"},
		{"pictures in a directory", Directory(), "the services cannot use it"},
		{"a target that is away", Target(func(context.Context) error { return away }), away.Error()},
	} {
		err := c.check.Run(t.Context())
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.says)
		}
	}
}

func TestRoomAndInodesBothCount(t *testing.T) {
	for _, c := range []struct {
		space durable.Space
		says  string
	}{
		{durable.Space{Path: "/x", Bytes: minimumFree, Inodes: minimumInodes}, ""},
		{durable.Space{Path: "/x", Bytes: minimumFree, Inodes: -1}, ""},
		{durable.Space{Path: "/x", Bytes: minimumFree - 1, Inodes: -1}, "/x has 2047 MiB free, and 2048 MiB are needed"},
		{durable.Space{Path: "/x", Bytes: minimumFree, Inodes: 0}, "/x has only 0 inodes left"},
	} {
		err := enough(c.space, "/x")
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%+v: %v, want %q", c.space, err, c.says)
		}
	}
}

// Which subject a check has decides what a restore leaves out.
func TestSubjects(t *testing.T) {
	for _, c := range []struct {
		check Check
		want  Subject
	}{
		{Disk("/"), Machine}, {OwnSecrets(config.Dirs{}, config.Config{}), Secrets},
		{CertificateFiles(config.Config{}, nil), Certificate}, {WAL(nil), Replication}, {Target(nil), BackupTarget},
		{Database(nil), Services}, {Storage(nil), Services},
	} {
		if c.check.Subject != c.want {
			t.Errorf("%s is about %d, want %d", c.check.ID, c.check.Subject, c.want)
		}
	}
}

type manager struct {
	version int
	missing []string
	err     error
}

func (m manager) Version() (int, error)                     { return m.version, m.err }
func (m manager) Missing(context.Context) ([]string, error) { return m.missing, nil }
