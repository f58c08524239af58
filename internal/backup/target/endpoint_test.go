package target_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

func noVariables(string) (string, bool) { return "", false }

func TestAnErrorOfATargetSaysWhatToDo(t *testing.T) {
	for _, c := range []struct {
		rule     string
		endpoint target.Endpoint
		err      error
		text     string
		next     string
	}{
		{"a host key that was never known is compared", target.Endpoint{}, target.ErrHostKey, "not known yet", "set backup.host_key"},
		{"another host key than before is a danger", target.Endpoint{BackupTarget: config.BackupTarget{HostKey: "ssh-ed25519 AAAA"}}, target.ErrHostKey, "cannot be trusted", "find out why"},
		{"a key that is refused is given to the server", target.Endpoint{}, target.ErrAuthentication, "does not let this machine in", "'bugspark backup ssh-key'"},
		{"of the copy the copy's", target.Endpoint{Copy: true}, target.ErrAuthentication, "does not let this machine in", "'bugspark backup ssh-key --copy'"},
		{"a directory that is missing is mounted", target.Endpoint{}, fs.ErrNotExist, "is not there", "mount it, or if it never held backups make it: mkdir -p"},
		{"anything else names the settings", target.Endpoint{Copy: true}, syscall.ECONNREFUSED, "does not answer", "backup.copy in bugspark.yaml"},
	} {
		err := c.endpoint.Explain(fmt.Errorf("wrapped: %w", c.err))
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text) || !strings.Contains(strings.Join(fault.Hints(err), "\n"), c.next) {
			t.Errorf("%s: %v; next: %v", c.rule, err, fault.Hints(err))
		}
	}
	if err := (target.Endpoint{}).Explain(nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}

func TestAnEndpointWithoutItsSecretsIsRefused(t *testing.T) {
	d := config.Dirs{Config: t.TempDir()}
	if err := os.Mkdir(filepath.Join(d.Config, "credentials"), 0o700); err != nil {
		t.Fatal(err)
	}
	var b config.Backup
	b.Target, b.Copy.Target = "s3://backups", "sftp://vault@files.example.org/b"
	put := func(name, text string) {
		if err := os.WriteFile(d.CredentialFile(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("backup-access-key", "")
	if _, err := target.EndpointOf(noVariables, d, b, false); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "backup-access-key") {
		t.Errorf("an empty secret: %v", err)
	}
	put("backup-access-key", "AKIA\n")
	put("backup-secret-key", "secret\n")
	e, err := target.EndpointOf(noVariables, d, b, false)
	if err != nil || e.Secrets[target.AccessKey] != "AKIA" || e.Secrets[target.SecretKey] != "secret" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := target.EndpointOf(noVariables, d, b, true); err == nil || !strings.Contains(strings.Join(fault.Hints(err), ""), "ssh-key --copy") {
		t.Errorf("no SSH key: %v; next: %v", err, fault.Hints(err))
	}
	put("copy-ssh-key", "no key")
	if e, err = target.EndpointOf(noVariables, d, b, true); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(); err == nil || !strings.Contains(strings.Join(fault.Hints(err), ""), "copy-...") {
		t.Errorf("a damaged SSH key: %v; next: %v", err, fault.Hints(err))
	}
}

func TestTheFreeSpaceOfATargetThatIsAway(t *testing.T) {
	at := func(dir string) target.Endpoint {
		return target.Endpoint{BackupTarget: config.BackupTarget{Target: dir}}
	}
	dir := targettest.Directory(t)
	if _, err := at(filepath.Join(dir, "gone")).Room(dir); !errors.Is(err, target.ErrAway) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := at(dir).Room(dir); !errors.Is(err, target.ErrAway) {
		t.Errorf("a directory that nobody has claimed: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, target.OwnerFile), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if room, err := at(dir).Room(dir); err != nil || room.Free <= 0 || room.Survives != target.Mistakes || room.Reserve <= 0 {
		t.Errorf("%+v, %v", room, err)
	}
	if _, err := target.Directory(filepath.Join(dir, "gone")).Free(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the space of a missing directory is its parent's: %v", err)
	}
}

// Whatever lies on a directory of another machine, a link leads root nowhere.
func TestClaimGivesADirectoryAwayAndFollowsNoLink(t *testing.T) {
	d := config.Dirs{State: t.TempDir()}
	dir, outside := targettest.Directory(t), filepath.Join(t.TempDir(), "outside")
	if err := errors.Join(os.WriteFile(outside, nil, 0o600), os.Symlink(outside, filepath.Join(dir, "sets"))); err != nil {
		t.Fatal(err)
	}
	e := target.Endpoint{BackupTarget: config.BackupTarget{Target: dir}}
	o := target.ClaimOptions{Account: &syscall.Credential{Uid: 65534, Gid: 65534}, Name: "nobody"}
	if err := e.Claim(t.Context(), d, o); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{
		dir: 65534, filepath.Join(dir, target.OwnerFile): 65534, filepath.Join(d.State, "backup"): 65534, filepath.Join(d.State, "backup", "target.json"): 65534,
		filepath.Join(d.State, "backup", "target.json.lock"): 65534, outside: 0,
	} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
	other := config.Dirs{State: t.TempDir()}
	foreign := `{"machine_id": "another", "host": "other.example.org"}`
	if err := os.WriteFile(filepath.Join(dir, target.OwnerFile), []byte(foreign), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := e.Claim(t.Context(), other, o); !errors.Is(err, target.ErrOwnedElsewhere) {
		t.Errorf("another machine's target: %v", err)
	}
	o.Force = true
	if err := e.Claim(t.Context(), other, o); err != nil {
		t.Errorf("by force: %v", err)
	}
}
