package setup_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
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
	reads           func() string     // what a service reads when it starts; may be nil
	runs            map[string]string // what each service has read
	ranWith         map[string]string // the drop-in of each unit when it started
}

func newManager() *manager {
	return &manager{enabled: map[string]bool{}, active: map[string]bool{}, dropIns: map[string]string{}, failStart: map[string]error{}, runs: map[string]string{}, ranWith: map[string]string{}}
}

// read has a service read its configuration.
func (m *manager) read(u string) {
	m.ranWith[u] = m.dropIns[u]
	if m.reads != nil {
		m.runs[u] = m.reads()
	}
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
		m.read(u)
		m.calls = append(m.calls, "start "+u)
	}
	return nil
}
func (m *manager) Restart(_ context.Context, units ...string) error {
	for _, u := range units {
		m.read(u)
		m.calls = append(m.calls, "restart "+u)
	}
	return nil
}
func (m *manager) Reload(_ context.Context, units ...string) error {
	for _, u := range units {
		m.calls = append(m.calls, "reload "+u)
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
	return setup.AuthorityFiles{RootCertificate: []byte("root"), Bundle: []byte("bundle")}, nil
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
	return &setup.Site{Dirs: dirs, Config: cfg, Authority: authority, AuthorityFits: func([]byte, string, time.Time) (bool, error) { return true, nil }, Now: time.Now}
}

func converger(s *setup.Site, m *manager) *setup.Converger {
	set, err := unit.Load(systemd.Units)
	if err != nil {
		panic(err)
	}
	return &setup.Converger{Site: s, Set: set, Units: m, Report: func(setup.Change) {}, Healthy: func(context.Context, config.Config) error { return nil }}
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
	if len(made) != 2 || made[0].String() != "put in force "+s.Dirs.File()+" (limits.picture_mib)" || made[1].What != "bugspark-api.service" || made[1].Action != "restart" {
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
	c.Healthy = func(context.Context, config.Config) error {
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

// The browsers have to be told of another name anyway.
func TestAnAuthorityOfAnotherNameIsMadeAnew(t *testing.T) {
	s := site(t, "")
	if err := s.ApplyFiles(t.Context()); err != nil {
		t.Fatal(err)
	}
	fits := true
	s.AuthorityFits = func(bundle []byte, name string, _ time.Time) (bool, error) {
		if string(bundle) != "bundle" || name != s.Config.Server.Name {
			t.Errorf("asked of %q and %s", bundle, name)
		}
		return fits, nil
	}
	if changes, err := s.PlanFiles(); err != nil || len(changes) != 0 {
		t.Fatalf("%v %v", changes, err)
	}
	fits = false
	changes, err := s.PlanFiles()
	if err != nil || len(changes) != 1 || !strings.Contains(changes[0].Detail, "clients have to trust "+s.RootCertificate()) {
		t.Fatalf("%v %v", changes, err)
	}
	made := 0
	s.Authority = func(name string, now time.Time) (setup.AuthorityFiles, error) {
		made++
		return authority(name, now)
	}
	if err := s.ApplyFiles(t.Context()); err != nil || made != 1 {
		t.Errorf("%d made, %v", made, err)
	}
}

// A change of server.name that does not work out is taken back, and the browsers go on
// trusting what they trusted.
func TestTheAuthorityOfTheNameBeforeComesBack(t *testing.T) {
	s := site(t, "")
	made := 0
	certificate := func(text string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(text)})
	}
	s.Authority = func(name string, _ time.Time) (setup.AuthorityFiles, error) {
		made++
		root := certificate(fmt.Sprintf("root %d of %s", made, name))
		return setup.AuthorityFiles{RootCertificate: root, Bundle: append(certificate("intermediate of "+name), root...)}, nil
	}
	s.AuthorityFits = func(bundle []byte, name string, _ time.Time) (bool, error) {
		block, _ := pem.Decode(bundle)
		return string(block.Bytes) == "intermediate of "+name, nil
	}
	change := func(name string) string {
		t.Helper()
		s.Config.Server.Name = name
		if err := s.ApplyFiles(t.Context()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(s.RootCertificate())
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(data)
		return string(block.Bytes)
	}
	for _, step := range []struct{ name, root string }{
		{"a.test", "root 1 of a.test"}, {"b.test", "root 2 of b.test"}, {"a.test", "root 1 of a.test"}, {"b.test", "root 2 of b.test"},
		{"c.test", "root 3 of c.test"}, {"a.test", "root 4 of a.test"},
	} {
		if got := change(step.name); got != step.root {
			t.Errorf("%s: %s, want %s", step.name, got, step.root)
		}
	}
	// One that is removed, because somebody else may have it, is made anew.
	if err := os.Remove(s.Dirs.CredentialFile("internal-ca")); err != nil {
		t.Fatal(err)
	}
	if got := change("c.test"); got != "root 5 of c.test" {
		t.Errorf("instead of what was removed: %s", got)
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

func TestAReplacedSecretRestartsWhatIsHandedIt(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	if _, err := converger(s, m).Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Dirs.CredentialFile("secret-key"), []byte(strings.Repeat("another ", 8)), 0o600); err != nil {
		t.Fatal(err)
	}
	called := len(m.calls)
	made, err := converger(s, m).Apply(t.Context())
	if err != nil || !slices.Equal(m.calls[called:], []string{"restart bugspark-api.service"}) {
		t.Errorf("%v, made %v, %v", m.calls[called:], made, err)
	}
}

// A version that refuses more than the one before must not bring back what it cannot read.
func TestWhatCannotBeReadIsNotBroughtBack(t *testing.T) {
	s, m := site(t, "server:\n  name: bugs.test\n"), newManager()
	const old = "srever:\n  name: bugs.test\n"
	if err := (setup.Applied{Config: old, Finished: true}).Write(s.Dirs); err != nil {
		t.Fatal(err)
	}
	if err := setup.PutInForce(s.Dirs, []byte(old)); err != nil {
		t.Fatal(err)
	}
	edited, err := os.ReadFile(s.Dirs.File())
	if err != nil {
		t.Fatal(err)
	}
	if said := setup.Unapplied(s.Dirs, noEnv); !strings.Contains(said, "is not applied yet: ") {
		t.Errorf("%q", said)
	}
	c := converger(s, m)
	ill := errors.New("it does not answer")
	c.Healthy = func(context.Context, config.Config) error { return ill }
	if _, err := c.Apply(t.Context()); !errors.Is(err, ill) || strings.Contains(err.Error(), "previous one") {
		t.Errorf("%v", err)
	}
	for _, name := range []string{s.Dirs.File(), s.Dirs.InForce()} {
		if now, err := os.ReadFile(name); err != nil || string(now) != string(edited) {
			t.Errorf("%s is\n%s\n%v", name, now, err)
		}
	}
}
