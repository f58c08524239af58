package job

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"log/slog"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

const day = 24 * time.Hour

func noon() time.Time { return time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC) }

func TestWhichTargetACommandUses(t *testing.T) {
	const first, second = "s3://backups", "sftp://b@host/copy"
	for _, c := range []struct {
		rule          string
		o             OpenOptions
		first, second string
		want          choice
		refusal       string
	}{
		{"the first, unasked", OpenOptions{}, first, second, firstTarget, ""},
		{"the first, by its name", OpenOptions{Target: first}, first, second, firstTarget, ""},
		{"the second, by --copy", OpenOptions{Copy: true}, first, second, secondTarget, ""},
		{"the second, by its name", OpenOptions{Target: second}, first, second, secondTarget, ""},
		{"a directory needs no keys", OpenOptions{Target: "/mnt/rescued"}, first, second, named, ""},
		{"also where nothing is configured", OpenOptions{Target: "/mnt/rescued"}, "", "", named, ""},
		{"no second target", OpenOptions{Copy: true}, first, "", 0, "no second backup target"},
		{"no target", OpenOptions{}, "", "", 0, "no backup target"},
		{"a bucket whose keys are unknown", OpenOptions{Target: "s3://another"}, first, second, 0, "neither in the configuration nor in the kit"},
	} {
		got, err := chooseTarget(c.o, c.first, c.second, "/etc/bugspark/bugspark.yaml")
		if c.refusal != "" {
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%s: %v", c.rule, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.rule, got, err)
		}
	}
}

func TestWhenASetHasALogicalCopy(t *testing.T) {
	for rule, c := range map[string]struct {
		last time.Time
		want bool
	}{
		"the first set":                      {time.Time{}, true},
		"a week after the last one":          {noon().Add(-7 * day), true},
		"at the same hour, a little earlier": {noon().Add(-7*day + time.Hour), true},
		"not after six days":                 {noon().Add(-6 * day), false},
		"not the next day":                   {noon().Add(-day), false},
	} {
		if got := logicalDue(c.last, noon()); got != c.want {
			t.Errorf("%s: %v", rule, got)
		}
	}
}

func TestWhenAVerificationReadsEverything(t *testing.T) {
	for rule, c := range map[string]struct {
		o    VerifyOptions
		full time.Time
		want float64
	}{
		"a scheduled one, when it was never done":      {VerifyOptions{Percent: 100, Scheduled: true}, time.Time{}, 100},
		"a scheduled one, a week later":                {VerifyOptions{Percent: 100, Scheduled: true}, noon().Add(-7 * day), 100},
		"a scheduled one reads a sample in between":    {VerifyOptions{Percent: 100, Scheduled: true}, noon().Add(-6 * day), 5},
		"what somebody asked for is read in any case":  {VerifyOptions{Percent: 30}, noon().Add(-time.Hour), 30},
		"and everything, when nobody said how much is": {VerifyOptions{Percent: 100}, noon(), 100},
	} {
		if got := percentToRead(c.o, c.full, noon()); got != c.want {
			t.Errorf("%s: %v", rule, got)
		}
	}
}

func TestWhatIsRememberedOfAVerification(t *testing.T) {
	before := history.Verification{At: noon().Add(-day), Full: noon().Add(-3 * day), Damaged: []string{"old"}}
	for rule, c := range map[string]struct {
		damaged []string
		percent float64
		want    history.Verification
	}{
		"a sample does not take back what a full reading found": {nil, 5, history.Verification{At: noon(), Full: before.Full, Damaged: []string{"old"}}},
		"a sample adds what it finds":                           {[]string{"new"}, 5, history.Verification{At: noon(), Full: before.Full, Damaged: []string{"new"}}},
		"a full reading takes it back":                          {nil, 100, history.Verification{At: noon(), Full: noon()}},
		"a full reading says what it finds":                     {[]string{"new"}, 100, history.Verification{At: noon(), Full: noon(), Damaged: []string{"new"}}},
	} {
		if got := remembered(before, c.damaged, nil, c.percent, noon()); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}

func TestWhenACopyDeletes(t *testing.T) {
	passed, failed := backup.DrillReport{At: noon(), Passed: true}, backup.DrillReport{At: noon()}
	for rule, c := range map[string]struct {
		set   time.Time
		drill backup.DrillReport
		want  bool
	}{
		"while sets are new and the last drill passed": {noon().Add(-day), passed, true},
		"also before the first drill":                  {noon().Add(-day), backup.DrillReport{}, true},
		"not when the newest set is old":               {noon().Add(-50 * time.Hour), passed, false},
		"not when there is no set":                     {time.Time{}, passed, false},
		"not after a failed drill":                     {noon().Add(-day), failed, false},
	} {
		h := history.History{Set: history.SavedSet{At: c.set}, Drill: c.drill}
		if got := mayDeleteFromCopy(h, noon()); got != c.want {
			t.Errorf("%s: %v", rule, got)
		}
	}
	if err := refuseAfterDrill(failed); err == nil {
		t.Error("a prune goes on after a failed drill")
	}
	for _, d := range []backup.DrillReport{passed, {}} {
		if err := refuseAfterDrill(d); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSecretsOfASetAreUsable(t *testing.T) {
	const secret = "thirty-two characters, or a few more"
	files := func(yaml, key string) map[string][]byte {
		return map[string][]byte{backup.ConfigFile: []byte(yaml), backup.CredentialsDir + "secret-key": []byte(key)}
	}
	const yaml = "server:\n  name: bugs.example.org\n"
	for rule, c := range map[string]struct {
		files   map[string][]byte
		secret  string
		refusal string
	}{
		"as they are today":                       {files(yaml, secret+"\n"), secret, ""},
		"where today's may not be read":           {files(yaml, secret), "", ""},
		"not a configuration that cannot be read": {files("server: [", secret), secret, "bugspark.yaml of the set"},
		"not an invalid setting":                  {files("server:\n  name: a b\n", secret), secret, "server.name"},
		"not a key that is too short":             {files(yaml, "short"), "", "32 are needed"},
		"not a missing key":                       {map[string][]byte{backup.ConfigFile: []byte(yaml)}, "", "32 are needed"},
		"not another key than today's":            {files(yaml, secret+" another"), secret, "not the one in use"},
	} {
		err := usable(c.files, c.secret)
		if (err == nil) != (c.refusal == "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestASetHoldsConfigurationAndSecretsButNotItsOwnKeys(t *testing.T) {
	d := config.Dirs{Config: t.TempDir()}
	handed := t.TempDir()
	write(t, d.File(), "yaml")
	write(t, filepath.Join(d.Config, "ca.pem"), "ca")
	write(t, filepath.Join(d.Config, "postgresql.conf.d", "site.conf"), "work_mem = 8MB")
	for _, name := range []string{"secret-key", "backup-key", "archive-identity", "internal-ca"} {
		write(t, filepath.Join(handed, name), name)
		write(t, d.CredentialFile(name), "not what the service manager has handed over")
	}
	write(t, filepath.Join(handed, "tls-certificate"), "certificate")
	write(t, filepath.Join(handed, "tls-key"), backup.NoFile)
	var log strings.Builder
	j := &Jobs{Dirs: d, Log: slog.New(slog.NewTextHandler(&log, nil)), Lookup: func(name string) (string, bool) {
		return handed, name == "CREDENTIALS_DIRECTORY"
	}}
	j.Config.TLS = config.TLS{Mode: "files", Certificate: "/etc/ssl/bugs.pem", Key: "/etc/ssl/bugs.key"}
	files, err := j.configFiles()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{
		"bugspark.yaml": []byte("yaml"), "ca.pem": []byte("ca"), "postgresql.conf.d/site.conf": []byte("work_mem = 8MB"),
		"credentials/secret-key": []byte("secret-key"), "credentials/internal-ca": []byte("internal-ca"),
	}
	if !reflect.DeepEqual(files, want) {
		t.Errorf("%q", files)
	}
	if !strings.Contains(log.String(), "since a file is missing") {
		t.Errorf("the log does not tell that the certificate is missing: %s", log.String())
	}
	write(t, filepath.Join(handed, "tls-key"), "key")
	if files, err = j.configFiles(); err != nil || string(files["tls/key.pem"]) != "key" || string(files["tls/certificate.pem"]) != "certificate" {
		t.Errorf("%q, %v", files, err)
	}
}
