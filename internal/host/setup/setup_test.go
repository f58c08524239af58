package setup_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/systemd"
)

// manager is a service manager that only remembers; the real one is used by
// the machine tests.
type manager struct {
	enabled, active map[string]bool
	dropIns         map[string]string
	calls           []string
	failStart       map[string]error
}

func newManager() *manager {
	return &manager{enabled: map[string]bool{}, active: map[string]bool{}, dropIns: map[string]string{}, failStart: map[string]error{}}
}

func (m *manager) Enabled(_ context.Context, u string) (bool, error) { return m.enabled[u], nil }
func (m *manager) Active(_ context.Context, u string) (bool, error)  { return m.active[u], nil }
func (m *manager) DropIn(u string) (string, error)                   { return m.dropIns[u], nil }
func (m *manager) SetEnabled(_ context.Context, on bool, units ...string) error {
	for _, u := range units {
		m.enabled[u] = on
	}
	return nil
}
func (m *manager) Start(_ context.Context, units ...string) error {
	for _, u := range units {
		if err := m.failStart[u]; err != nil {
			return err
		}
		m.active[u] = true
		m.calls = append(m.calls, "start "+u)
	}
	return nil
}
func (m *manager) Restart(_ context.Context, units ...string) error {
	for _, u := range units {
		m.calls = append(m.calls, "restart "+u)
	}
	return nil
}
func (m *manager) Stop(_ context.Context, units ...string) error {
	for _, u := range units {
		m.active[u] = false
	}
	return nil
}
func (m *manager) WriteDropIn(_ context.Context, u, content string) error {
	m.dropIns[u] = content
	return nil
}

func noEnv(string) (string, bool) { return "", false }

func authority(string, time.Time) (setup.AuthorityFiles, error) {
	return setup.AuthorityFiles{RootCertificate: []byte("root"), RootKey: []byte("key"), Bundle: []byte("bundle")}, nil
}

// site writes answers as the configuration of a new installation in a
// temporary directory.
func site(t *testing.T, answers string) *setup.Site {
	t.Helper()
	dir := t.TempDir()
	dirs := config.Dirs{Config: dir + "/etc", State: dir + "/state", Run: dir + "/run"}
	return reload(t, dirs, answers)
}

func reload(t *testing.T, dirs config.Dirs, answers string) *setup.Site {
	t.Helper()
	data, cfg, err := setup.CompleteConfig("answers.yaml", []byte(answers), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := setup.WriteConfig(dirs, data); err != nil {
		t.Fatal(err)
	}
	return &setup.Site{Dirs: dirs, Config: cfg, Authority: authority, Now: time.Now}
}

func converger(s *setup.Site, m *manager) *setup.Converger {
	set, err := unit.Load(systemd.Units)
	if err != nil {
		panic(err)
	}
	return &setup.Converger{Site: s, Set: set, Units: m, Report: func(setup.Change) {}, Healthy: func(context.Context) error { return nil }}
}

func TestSecondApplyChangesNothing(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	planned, err := converger(s, m).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := converger(s, m).Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(planned, made) {
		t.Errorf("apply did not do what plan said:\n%v\n%v", planned, made)
	}
	again, err := converger(s, m).Apply(t.Context())
	if err != nil || len(again) != 0 {
		t.Errorf("second apply: %v, %v", again, err)
	}
	info, err := os.Stat(s.Dirs.CredentialFile("secret-key"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 32 {
		t.Errorf("secret-key: %v %v", info, err)
	}
}

func TestApplyRestartsOnlyWhatASettingConcerns(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	s = reload(t, s.Dirs, "server:\n  name: bugs.test\nlimits:\n  picture_mib: 5\n")
	made, err := converger(s, m).Apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || made[0].What != "bugspark-api.service" || made[0].Action != "restart" {
		t.Errorf("made %v", made)
	}
}

func TestPortsBecomeDropInsAndExternalServicesAreLeftOut(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n  https_port: 8443\nstorage:\n  engine: s3\n  endpoint: https://s3.test\n"), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := m.dropIns["bugspark-proxy-https.socket"]; !strings.Contains(got, "ListenStream=\nListenStream=8443\n") {
		t.Errorf("drop-in %q", got)
	}
	if m.active["bugspark-minio.service"] || m.enabled["bugspark-minio.service"] {
		t.Error("MinIO runs although the customer's S3 is used")
	}
	if data, err := os.ReadFile(s.Dirs.CredentialFile("storage-secret-key")); err != nil || len(data) != 0 {
		t.Errorf("a storage key was made up for the customer's S3: %q %v", data, err)
	}
}

func TestUnhealthyChangeIsTakenBack(t *testing.T) {
	good := "server:\n  name: bugs.test\n"
	s, m := site(t, good), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := setup.Finish(s.Dirs); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(s.Dirs.File())
	if err != nil {
		t.Fatal(err)
	}
	s = reload(t, s.Dirs, good+"limits:\n  picture_mib: 7\n")
	c := converger(s, m)
	tries := 0
	c.Healthy = func(context.Context) error {
		if tries++; tries == 1 {
			return errors.New("no answer from /health")
		}
		return nil
	}
	_, err = c.Apply(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the previous one is back") || len(fault.Hints(err)) == 0 {
		t.Fatalf("got %v", err)
	}
	if after, _ := os.ReadFile(s.Dirs.File()); string(after) != string(before) {
		t.Errorf("bugspark.yaml is not back:\n%s", after)
	}
	if refused, _ := os.ReadFile(s.Dirs.File() + ".refused"); !strings.Contains(string(refused), "picture_mib: 7") {
		t.Errorf("the refused configuration was not kept: %q", refused)
	}
	if want := []string{"restart bugspark-api.service", "restart bugspark-api.service"}; !slices.Equal(m.calls[len(m.calls)-2:], want) {
		t.Errorf("not restarted there and back: %v", m.calls)
	}
}

func TestInterruptedApplyContinues(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	m.failStart["bugspark-api.service"] = errors.New("killed")
	if _, err := converger(s, m).Apply(t.Context()); err == nil {
		t.Fatal("the failed start was not reported")
	}
	secret, err := os.ReadFile(s.Dirs.CredentialFile("secret-key"))
	if err != nil {
		t.Fatal(err)
	}
	delete(m.failStart, "bugspark-api.service")
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(s.Dirs.CredentialFile("secret-key")); string(again) != string(secret) {
		t.Error("the second run made a new secret")
	}
	if !m.active["bugspark-proxy.service"] {
		t.Error("the second run did not finish")
	}
}

func TestHalfAnAuthorityIsMadeAnew(t *testing.T) {
	s := site(t, "")
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(s.Dirs.CredentialFile("internal-ca")); err != nil {
		t.Fatal(err)
	}
	changes, err := s.PlanFiles()
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v %v", changes, err)
	}
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	if root, err := os.ReadFile(s.RootCertificate()); err != nil || string(root) != "root" {
		t.Errorf("%q %v", root, err)
	}
}

func TestComposeKeepsTheAnswersAndPinsTheName(t *testing.T) {
	data, cfg, err := setup.CompleteConfig("answers.yaml", []byte("# our note\ntls:\n  hsts: true # on purpose\n"), noEnv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# our note", "hsts: true # on purpose", "name: " + cfg.Server.Name, "admin_email: " + cfg.Accounts.AdminEmail} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%q is missing in\n%s", want, data)
		}
	}
	if _, err := config.Parse("again", data, noEnv); err != nil {
		t.Error(err)
	}
}

func TestUnreadableCredentialIsNeverReplaced(t *testing.T) {
	s := site(t, "")
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(s.Dirs.CredentialFile("x"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // every look below it now fails
		t.Fatal(err)
	}
	if _, err := s.PlanFiles(); err == nil {
		t.Error("a credential that cannot be looked at was taken for missing")
	}
}
