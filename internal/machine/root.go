package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// recipe builds the root of a release: systemd, the commands that tests use, and the
// dependencies of the package bugspark, downloaded but not installed, so that a
// machine without a network can install them.
func recipe(release string) []string {
	return []string{
		"mmdebstrap", "--quiet", "--variant=minbase",
		"--include=systemd,systemd-sysv,dbus,iproute2,ca-certificates,curl,procps",
		"--skip=cleanup/apt",
		`--customize-hook=chroot "$1" apt-get update -qq`,
		`--customize-hook=chroot "$1" apt-get install -y -qq --no-install-recommends --download-only postgresql zstd openssh-server >/dev/null`,
		`--customize-hook=rm -f "$1/etc/machine-id"`,
		release,
	}
}

// cachedRoot returns the directory of a release's root, building it first if
// its recipe is new. Parallel tests wait for one builder.
func cachedRoot(t *testing.T, release string) string {
	t.Helper()
	cache := os.Getenv("BUGSPARK_CACHE")
	if cache == "" {
		cache = "/var/cache/bugspark-test"
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	steps := recipe(release)
	sum := sha256.Sum256([]byte(strings.Join(steps, "\x00")))
	dir := filepath.Join(cache, "root-"+release+"-"+hex.EncodeToString(sum[:4]))
	builtOnce(t, dir, func(building string) {
		cmd := exec.Command(steps[0], append(steps[1:], building)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building the root of %s: %v\n%s", release, err, out)
		}
	})
	return dir
}

// layersWith returns the layers of a machine that has packages of the distribution: the
// root of its release, and above it what a machine changed that installed them.
func layersWith(t *testing.T, release string, packages []string) string {
	t.Helper()
	root := cachedRoot(t, release)
	if len(packages) == 0 {
		return root
	}
	dir := root + "+" + strings.Join(packages, "+")
	builtOnce(t, dir, func(building string) {
		m := Boot(t, Options{Release: release})
		m.Run(t, append([]string{"apt-get", "install", "-y", "-qq", "--no-install-recommends"}, packages...)...)
		m.off(t)
		upper := filepath.Join(m.dir, "upper")
		// Each machine makes its own identity at its first boot.
		for _, name := range []string{"etc/machine-id", "var/log/journal", "var/lib/systemd/random-seed"} {
			if err := os.RemoveAll(filepath.Join(upper, name)); err != nil {
				t.Fatal(err)
			}
		}
		host(t, "cp", "-a", upper, building)
	})
	return dir + ":" + root
}

// builtOnce returns when a directory of the cache is there. Parallel tests and processes
// wait for one builder.
func builtOnce(t *testing.T, dir string, build func(building string)) {
	t.Helper()
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		return
	}
	t.Logf("building %s, once", dir)
	building := dir + ".new"
	if err := os.RemoveAll(building); err != nil {
		t.Fatal(err)
	}
	build(building)
	if err := os.Rename(building, dir); err != nil {
		t.Fatal(err)
	}
}

// tryHost runs a command that fails when there is nothing to do.
func tryHost(args ...string) { _ = exec.Command(args[0], args[1:]...).Run() }
