package assembly

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/proxy/internalca"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// installation is an environment whose directories are below a new one.
func installation(t *testing.T, yaml string, more map[string]string) (Env, config.Dirs, *bytes.Buffer) {
	t.Helper()
	root := t.TempDir()
	vars := map[string]string{"BUGSPARK_CONFIG_DIR": root + "/etc", "BUGSPARK_STATE_DIR": root + "/state", "BUGSPARK_RUN_DIR": root + "/run", "BUGSPARK_SERVER_NAME": "bugs.test"}
	for name, value := range more {
		vars[name] = value
	}
	var log bytes.Buffer
	env := Env{Lookup: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, Stderr: &log}
	dirs := config.DirsFrom(env.Lookup)
	if err := os.MkdirAll(filepath.Join(dirs.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	if yaml != "" {
		if err := os.WriteFile(dirs.File(), []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return env, dirs, &log
}

// Every role builds its log here, so log.level holds for the dashboard and the
// supervisor as for the others.
func TestTheLogHasTheLevelOfTheConfiguration(t *testing.T) {
	for level, want := range map[string]string{"debug": "d i w e", "info": "i w e", "warn": "w e", "error": "e"} {
		env, _, log := installation(t, "log:\n  level: "+level+"\n", nil)
		p, err := New(env)
		if err != nil {
			t.Fatal(err)
		}
		p.Log.Debug("d")
		p.Log.Info("i")
		p.Log.Warn("w")
		p.Log.Error("e")
		var got []string
		for line := range strings.Lines(log.String()) {
			_, text, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", level, got, want)
		}
	}
}

func TestRecordsAreWrittenWhateverTheLevel(t *testing.T) {
	env, _, log := installation(t, "log:\n  level: error\n", nil)
	p, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	p.recordLog().Info("a call of the supervisor")
	if !strings.Contains(log.String(), "a call of the supervisor") {
		t.Errorf("the log has %q", log)
	}
}

func TestConfiguredRefusesAMachineThatIsNotSetUp(t *testing.T) {
	env, _, _ := installation(t, "", nil)
	if _, err := Configured(env); fault.Status(err) != int(fault.Preflight) || !strings.Contains(strings.Join(fault.Hints(err), ""), "bugspark setup") {
		t.Errorf("%v", err)
	}
	if _, err := New(env); err != nil {
		t.Errorf("without a file every setting has its default: %v", err)
	}
	env, _, _ = installation(t, "srever:\n  name: x\n", nil)
	if _, err := Configured(env); fault.Status(err) != int(fault.Usage) {
		t.Errorf("a file that is wrong: %v", err)
	}
}

func TestWhatWasAppliedCannotBeRead(t *testing.T) {
	env, dirs, _ := installation(t, "server:\n  name: bugs.test\n", nil)
	if err := setup.PutInForce(dirs, []byte("srever:\n  name: bugs.test\n")); err != nil {
		t.Fatal(err)
	}
	_, err := Configured(env)
	if hints := strings.Join(fault.Hints(err), "\n"); fault.Status(err) != int(fault.Usage) || !strings.Contains(hints, dirs.File()) || !strings.Contains(hints, "bugspark apply") {
		t.Errorf("%v\n%s", err, hints)
	}
	lookup := env.Lookup
	env.Lookup = func(name string) (string, bool) {
		if name == "BUGSPARK_SERVER_NAME" { // an override, which the services would not get
			return "", false
		}
		return lookup(name)
	}
	if _, err := Edited(env); err != nil {
		t.Errorf("the edit that leads out: %v", err)
	}
}

func TestStoreOfACustomersDatabaseNeedsItsSecret(t *testing.T) {
	env, dirs, _ := installation(t, "database:\n  mode: external\n", nil)
	p, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Store(t.Context(), API); fault.Status(err) != int(fault.Preflight) {
		t.Errorf("without the file: %v", err)
	}
	if err := os.WriteFile(dirs.CredentialFile("database-dsn"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Store(t.Context(), API); fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("with an empty one: %v", err)
	}
	if _, err := p.Cluster(); fault.Status(err) != int(fault.Usage) {
		t.Errorf("a cluster of ours: %v", err)
	}
}

func TestWithStoreExplainsADatabaseThatIsAway(t *testing.T) {
	for mode, hint := range map[string]string{"managed": "systemctl start bugspark.target", "external": "database-dsn"} {
		env, dirs, _ := installation(t, "database:\n  mode: "+mode+"\n", nil)
		if err := os.WriteFile(dirs.CredentialFile("database-dsn"), []byte("host="+t.TempDir()+" dbname=none"), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := New(env)
		if err != nil {
			t.Fatal(err)
		}
		err = p.WithStore(t.Context(), API, func(*postgres.Store) error { return errors.New("it was reached") })
		if fault.Status(err) != int(fault.Failed) || !strings.Contains(strings.Join(fault.Hints(err), ""), hint) {
			t.Errorf("%s: %v", mode, err)
		}
	}
}

func TestObjectsByEngine(t *testing.T) {
	for _, c := range []struct {
		engine, secret string
		works          bool
	}{{"filesystem", "", true}, {"minio", "", false}, {"minio", "a key of some length", true}} {
		env, dirs, _ := installation(t, "storage:\n  engine: "+c.engine+"\n", nil)
		if c.secret != "" {
			for _, name := range []string{"storage-access-key", "storage-secret-key"} {
				if err := os.WriteFile(dirs.CredentialFile(name), []byte(c.secret), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		p, err := New(env)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Objects(); (err == nil) != c.works {
			t.Errorf("%s with %q: %v", c.engine, c.secret, err)
		}
	}
}

func TestLocalNamesLeaveOutTheServersOwn(t *testing.T) {
	if got := strings.Join(without(internalca.Local(), "localhost"), " "); strings.Contains(got, "localhost") || !strings.Contains(got, "127.0.0.1 ::1") {
		t.Errorf("%s", got)
	}
}

func TestTheRestoreCommandIsThisProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fetch("/run/w.sock"), "exec '"+self+"' wal fetch --socket '/run/w.sock' '%f' '%p'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
