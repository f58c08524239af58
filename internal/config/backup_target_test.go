package config

import (
	"strings"
	"testing"
)

func TestBackupTargetsAreReadOrRefused(t *testing.T) {
	for text, want := range map[string]Location{
		"":                                   {},
		"/srv/backup":                        {Kind: "directory", Path: "/srv/backup"},
		"s3://backups":                       {Kind: "s3", Host: "backups"},
		"s3://backups/bank/bugspark/":        {Kind: "s3", Host: "backups", Path: "bank/bugspark"},
		"sftp://vault@files.example.org/b":   {Kind: "sftp", Host: "files.example.org:22", User: "vault", Path: "/b"},
		"sftp://vault@[2001:db8::1]:2222/b/": {},
		"sftp://vault@[2001:db8::1]:2222/b":  {Kind: "sftp", Host: "[2001:db8::1]:2222", User: "vault", Path: "/b"},
	} {
		got, err := BackupTarget{Target: text}.Locate()
		if want == (Location{}) && text != "" {
			if err == nil {
				t.Errorf("%q: %+v", text, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for text, why := range map[string]string{
		"srv/backup":                  "absolute",
		"/srv/backup/":                "absolute",
		"/tmp/backup":                 "do not see",
		"/srv/my backup":              "spaces",
		"sftp://files.example.org/b":  "account",
		"sftp://a:secret@files/b":     "password",
		"sftp://a@files":              "directory",
		"sftp://a@files/../etc":       "directory",
		"s3://bucket?region=eu":       "missing",
		"s3://key@bucket/p":           "endpoint",
		"ftp://files.example.org/b":   "kind ftp",
		"https://s3.example.org/b":    "kind https",
		"s3:///nothing":               "missing",
		"sftp://vault@files/with%20b": "percent",
	} {
		if l, err := (BackupTarget{Target: text}).Locate(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %+v %v, want %q", text, l, err, why)
		}
	}
}
