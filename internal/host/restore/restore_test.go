package restore

import (
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/job"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/preflight"
)

func TestWhichMachineIsNew(t *testing.T) {
	for _, c := range []struct {
		rule                          string
		configured, finished, fromKit bool
		want                          bool
	}{
		{"nothing is set up", false, false, false, true},
		{"nothing is set up, with a kit", false, false, true, true},
		{"it is set up", true, true, false, false},
		{"it is set up, and a kit is given all the same", true, true, true, false},
		{"a restore from a kit was interrupted", true, false, true, true},
		{"a setup was interrupted, and its own keys are used", true, false, false, false},
	} {
		if got := isNew(c.configured, c.finished, c.fromKit); got != c.want {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
}

func TestWhichChecksARestoreLeavesOut(t *testing.T) {
	all := []preflight.Check{
		{ID: "disk"}, {ID: "certificate", Subject: preflight.Certificate}, {ID: "secrets", Subject: preflight.Secrets},
		{ID: "backup-target", Subject: preflight.BackupTarget}, {ID: "replication", Subject: preflight.Replication}, {ID: "restored", Subject: preflight.Unfinished},
	}
	for _, c := range []struct {
		rule                          string
		newMachine, bringsCertificate bool
		want                          string
	}{
		{"here: what only backups need", false, false, "disk certificate secrets backup-target restored"},
		{"on a new machine: what comes with the set", true, false, "disk certificate"},
		{"and the certificate, where the set brings it", true, true, "disk"},
		{"a certificate that is not needed from the set is looked at", false, true, "disk certificate secrets backup-target restored"},
	} {
		var ids []string
		for _, check := range preflight.Without(all, unneeded(c.newMachine, c.bringsCertificate)...) {
			ids = append(ids, check.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestWhatHappensToACustomersDatabase(t *testing.T) {
	for _, c := range []struct {
		rule              string
		empty, newMachine bool
		want              Disposition
	}{
		{"an empty one is loaded", true, false, Load},
		{"an empty one of a new machine is loaded", true, true, Load},
		{"one that has outlived its machine stays", false, true, Keep},
		{"where BugSpark runs, it is replaced", false, false, Replace},
	} {
		if got := disposition(c.empty, c.newMachine); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestTablesOfAnotherVersionAreNotReplaced(t *testing.T) {
	for _, c := range []struct {
		present, set int
		refused      bool
	}{{0, 7, false}, {7, 7, false}, {6, 7, true}, {8, 7, true}} {
		err := sameMigration(c.present, c.set)
		if (err != nil) != c.refused || c.refused && fault.Status(err) != int(fault.Preflight) {
			t.Errorf("%d by %d: %v", c.present, c.set, err)
		}
	}
}

// set is a document of a database of ours, or of a customer's.
func set(customers bool) backup.Document {
	var d backup.Document
	if customers {
		d.Database.Namespace = "public"
	}
	return d
}

func TestTheDestinationIsByTheKindOfTheDatabase(t *testing.T) {
	for _, c := range []struct {
		rule      string
		customers bool
		mode      string
		logical   bool
		want      string
	}{
		{"ours into ours", false, "managed", false, "managed"},
		{"ours from a logical copy", false, "managed", true, "logical"},
		{"a customer's into a customer's", true, "external", false, "customer"},
		{"a customer's from a logical copy", true, "external", true, "customer"},
		{"ours into a customer's is refused", false, "external", false, ""},
		{"a customer's into ours is refused", true, "managed", false, ""},
	} {
		p := &Plan{r: &Restorer{Dirs: config.Dirs{Config: "/etc/bugspark"}}, Config: config.Config{Database: config.Database{Mode: c.mode}}, Point: backup.RestorePoint{Set: "S", Document: set(c.customers)}}
		d, err := p.chooseDestination(Request{Logical: c.logical})
		got := ""
		switch d.(type) {
		case *managed:
			got = "managed"
		case *logical:
			got = "logical"
		case *customer:
			got = "customer"
		}
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %s, %v", c.rule, got, err)
		}
		if err == nil {
			continue
		}
		back := "set database.mode to " + map[bool]string{true: "external", false: "managed"}[c.customers]
		if hint := strings.Join(fault.Hints(err), " "); !strings.Contains(hint, back) || !strings.Contains(hint, "bugspark restore --set S") {
			t.Errorf("%s: the way back is %q", c.rule, hint)
		}
	}
}

func TestBackupsGoOnWhereTheyWereFound(t *testing.T) {
	before := []byte("backup:\n  target: /srv/old\n  copy:\n    target: sftp://b@host/copy\n    host_key: ssh-ed25519 BBBB\n")
	var e target.Endpoint
	e.Target, e.Copy = "/mnt/found", true
	after, err := pointAt(before, e)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(after); !strings.Contains(text, "target: /mnt/found") || strings.Contains(text, "copy") || strings.Contains(text, "BBBB") {
		t.Errorf("from the copy, which becomes the only target:\n%s", text)
	}
	e.Copy = false
	if after, err = pointAt(before, e); err != nil || !strings.Contains(string(after), "sftp://b@host/copy") {
		t.Errorf("from the first target, the copy stays: %v\n%s", err, after)
	}
	if _, err := pointAt([]byte("backup: ["), e); err == nil {
		t.Error("a configuration that is no YAML was accepted")
	}
}

func TestTheKeysThatOpenedASetWinOverThoseInIt(t *testing.T) {
	s := &job.Session{BackupKey: "from the kit", ArchiveIdentity: "identity"}
	s.Endpoint.Secrets = map[string]string{"ssh-key": "the kit's"}
	p := &Plan{r: &Restorer{Session: s}, files: map[string][]byte{
		"credentials/backup-key": []byte("from the set"), "credentials/backup-ssh-key": []byte("from the set"),
		"credentials/secret-key": []byte("kept"), "credentials/../etc/shadow": []byte("no"), "bugspark.yaml": nil,
	}}
	got := p.secrets()
	for name, want := range map[string]string{"backup-key": "from the kit", "backup-ssh-key": "the kit's\n", "secret-key": "kept", "archive-identity": "identity"} {
		if string(got[name]) != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 4 {
		t.Errorf("secrets %v", got)
	}
}

func TestHowLongARestoreTakes(t *testing.T) {
	if e := estimate(true, 60, 1<<40); !e.FromDrill || e.Duration != 65*time.Second {
		t.Errorf("as the last drill, and the restart: %+v", e)
	}
	if e := estimate(false, 60, 10*RestoreRate); e.FromDrill || e.Duration != 15*time.Second {
		t.Errorf("by the size: %+v", e)
	}
}

func TestParseTime(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, berlin)
	for text, want := range map[string]time.Time{
		"2026-11-24 10:30":              time.Date(2026, 11, 24, 10, 30, 0, 0, berlin),
		"2026-11-24 10:30:15.25":        time.Date(2026, 11, 24, 10, 30, 15, 250e6, berlin),
		"2026-11-24":                    time.Date(2026, 11, 24, 0, 0, 0, 0, berlin),
		"2026-11-24T10:30:00Z":          time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC),
		"2026-11-24T10:30:00.5+05:30":   time.Date(2026, 11, 24, 5, 0, 0, 500e6, time.UTC),
		"2026-11-24T10:30:00":           time.Date(2026, 11, 24, 10, 30, 0, 0, berlin),
		"2026-11-26 12:00:00":           now,
		"2026-11-26T11:59:59.999Z":      {}, // yet to come here
		"tomorrow":                      {},
		"2026-13-01":                    {},
		"2026-11-27":                    {},
		"2026-11-24 10:30; rm -rf /srv": {},
	} {
		got, err := ParseTime(text, now)
		switch {
		case want.IsZero() && fault.Status(err) != int(fault.Usage):
			t.Errorf("%q: %v, %v", text, got, err)
		case !want.IsZero() && (err != nil || !got.Equal(want)):
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
}
