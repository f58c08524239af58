package minio

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// installation is a directory with a MinIO "server" and both credentials.
func installation(t *testing.T) (config.Dirs, config.Storage, config.LookupEnv) {
	t.Helper()
	dir := t.TempDir()
	dirs := config.Dirs{Config: filepath.Join(dir, "etc"), State: filepath.Join(dir, "lib"), Run: filepath.Join(dir, "run")}
	credentials := filepath.Join(dir, "credentials")
	writeFile(t, filepath.Join(credentials, "storage-access-key"), "an-access-key\n", 0o600)
	writeFile(t, filepath.Join(credentials, "storage-secret-key"), "a-secret-key\n", 0o600)
	binary := filepath.Join(dir, "minio")
	writeFile(t, binary, "", 0o755)
	return dirs, config.Storage{MinIOBinary: binary}, func(name string) (string, bool) {
		value, ok := map[string]string{"CREDENTIALS_DIRECTORY": credentials, "NOTIFY_SOCKET": "/run/n"}[name]
		return value, ok
	}
}

func TestTheServerIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breakIt func(t *testing.T, dirs config.Dirs, s *config.Storage, credentials string)
		says    string
	}{
		"no binary":            {func(t *testing.T, _ config.Dirs, s *config.Storage, _ string) { s.MinIOBinary += "-gone" }, "there is no MinIO server at"},
		"binary not a program": {func(t *testing.T, _ config.Dirs, s *config.Storage, _ string) { chmod(t, s.MinIOBinary, 0o644) }, "there is no MinIO server at"},
		"access key missing": {func(t *testing.T, _ config.Dirs, _ *config.Storage, dir string) {
			remove(t, filepath.Join(dir, "storage-access-key"))
		}, "reading credential storage-access-key"},
		"secret key missing": {func(t *testing.T, _ config.Dirs, _ *config.Storage, dir string) {
			remove(t, filepath.Join(dir, "storage-secret-key"))
		}, "reading credential storage-secret-key"},
		"access key empty": {func(t *testing.T, _ config.Dirs, _ *config.Storage, dir string) {
			writeFile(t, filepath.Join(dir, "storage-access-key"), "\n", 0o600)
		}, "storage-access-key is 0 characters long"},
		"secret key empty": {func(t *testing.T, _ config.Dirs, _ *config.Storage, dir string) {
			writeFile(t, filepath.Join(dir, "storage-secret-key"), "", 0o600)
		}, "storage-secret-key is 0 characters long"},
		"secret key short": {func(t *testing.T, _ config.Dirs, _ *config.Storage, dir string) {
			writeFile(t, filepath.Join(dir, "storage-secret-key"), "1234567\n", 0o600)
		}, "storage-secret-key is 7 characters long"},
		"file system mode": {func(t *testing.T, dirs config.Dirs, _ *config.Storage, _ string) {
			writeFile(t, filepath.Join(dirs.State, "minio/data/.minio.sys/format.json"), `{"version":"1","format":"fs","id":"x","fs":{"version":"2"}}`, 0o600)
		}, "old file system mode"},
		"damaged format": {func(t *testing.T, dirs config.Dirs, _ *config.Storage, _ string) {
			writeFile(t, filepath.Join(dirs.State, "minio/data/.minio.sys/format.json"), "", 0o600)
		}, "is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dirs, storage, lookup := installation(t)
			credentials, _ := lookup("CREDENTIALS_DIRECTORY")
			c.breakIt(t, dirs, &storage, credentials)
			got, err := Server(lookup, dirs, storage)
			if fault.Status(err) != int(fault.Preflight) || !strings.Contains(err.Error(), c.says) || len(fault.Hints(err)) == 0 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	dirs, storage, lookup := installation(t)
	got, err := Server(lookup, dirs, storage)
	if err != nil {
		t.Fatal(err)
	}
	credentials, _ := lookup("CREDENTIALS_DIRECTORY")
	for _, want := range []string{
		"MINIO_ROOT_USER_FILE=" + credentials + "/storage-access-key",
		"MINIO_ROOT_PASSWORD_FILE=" + credentials + "/storage-secret-key",
		"MINIO_BROWSER=off", "MINIO_UPDATE=off", "NOTIFY_SOCKET=/run/n",
		"MINIO_FS_OSYNC=on", // a report's row must never name an object that a power cut took
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("no %s in %q", want, got.Env)
		}
	}
	all := strings.Join(append(got.Args, got.Env...), "\n")
	if strings.Contains(all, "an-access-key") || strings.Contains(all, "a-secret-key") {
		t.Errorf("a secret is in the process list: %s", all)
	}
	if !slices.Contains(got.Args, "127.0.0.1:9000") {
		t.Errorf("%q", got.Args)
	}
	if info, err := os.Stat(filepath.Join(dirs.State, "minio/data")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
