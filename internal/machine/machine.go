// Package machine boots clean Debian machines for tests: systemd is process 1, the
// disk survives a power cut, and the network reaches only the test.
//
//	m := machine.Boot(t, machine.Options{Release: "bookworm"})
//	m.Run(t, "apt-get", "install", "-y", "bugspark")
//	m.Kill(t)  // a power cut
//	m.Start(t) // the machine boots again
//
// It needs root. Machines of parallel tests do not see each other.
package machine

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Options say which machine.
type Options struct {
	Release string // Debian's code name, such as "bookworm"
	// Packages of the distribution that are installed already: once, and kept for the
	// machines that come, since nearly every test needs the same.
	Packages []string
	Files    map[string]string // host files or directories to copy, by their path inside
	Mounts   map[string]string // host directories to mount, by their path inside; they outlive the machine
	// Disk is a machine that does not run and is not started again. The new one begins
	// with its disk instead of with that of the release.
	Disk *Machine
}

// Machine is one booted machine.
type Machine struct {
	Addr string // its IPv4 address, reachable from the test

	dir    string   // overlay directories
	layers string   // that are below
	root   string   // its file system, seen from the host
	mounts []string // arguments of systemd-nspawn
	net    *network
	group  *cgroup
	cmd    *exec.Cmd
	pid    int // of its systemd, seen from the host
	done   chan struct{}
	log    bytes.Buffer
}

// Boot makes a machine from the cached root of its release and waits until it
// is up. It ends with the test, and logs its journal if the test failed.
func Boot(t *testing.T, o Options) *Machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("machines need root: run 'sudo make test'")
	}
	// Not in the usual temporary directory, which may be an overlay itself.
	dir, err := os.MkdirTemp("/var/tmp", "bsmachine-")
	if err != nil {
		t.Fatal(err)
	}
	m := &Machine{dir: dir, root: filepath.Join(dir, "root")}
	if o.Disk != nil {
		m.layers = filepath.Join(o.Disk.dir, "upper") + ":" + o.Disk.layers
	} else {
		m.layers = layersWith(t, o.Release, o.Packages)
	}
	for inside, from := range o.Mounts {
		m.mounts = append(m.mounts, "--bind="+from+":"+inside)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// Without redirect_dir a directory that came from a layer below cannot be renamed.
	host(t, "mount", "-t", "overlay", "overlay", "-o",
		fmt.Sprintf("redirect_dir=on,lowerdir=%s,upperdir=%s/upper,workdir=%s/work", m.layers, dir, dir), m.root)
	t.Cleanup(func() { host(t, "umount", "-l", m.root) })
	for inside, from := range o.Files {
		m.Copy(t, from, inside)
	}
	m.Write(t, "/etc/hostname", "bugs\n")
	m.Write(t, "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 bugs\n::1 localhost\n")
	m.net = newNetwork(t)
	m.Addr = m.net.guest
	m.group = newCgroup(t, m.net.name)
	m.Start(t)
	t.Cleanup(func() {
		if t.Failed() && m.running() {
			out, _ := m.Try("journalctl", "--no-pager", "-n", "80", "-u", "bugspark*")
			t.Logf("the machine's journal:\n%s", out)
		}
		m.Kill(t)
	})
	return m
}

// Start boots the machine and waits until systemd says that it is up.
func (m *Machine) Start(t *testing.T) {
	t.Helper()
	// A process namespace ends with its first process, so the machines of a killed
	// test end too.
	args := m.group.command("unshare", "--fork", "--pid", "--mount-proc", "--kill-child", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--link-journal=no",
		"--capability=CAP_NET_ADMIN", "--network-namespace-path=/run/netns/"+m.net.name,
		// Unnamed machines are called after their directory, and two of one name refuse to be.
		"--machine="+m.net.name, "--hostname=bugs", "-D", m.root, "-b")
	args = append(args, m.mounts...)
	m.cmd = exec.Command(args[0], args[1:]...)
	m.cmd.Stdout, m.cmd.Stderr = &m.log, &m.log
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	m.done = make(chan struct{})
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when this thread ends
		defer runtime.UnlockOSThread()
		err := m.cmd.Start()
		started <- err
		if err == nil {
			m.cmd.Wait()
			close(m.done)
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("booting: %v", err)
	}
	if err := m.await(2 * time.Minute); err != nil {
		t.Fatalf("booting: %v\n%s", err, m.log.String())
	}
}

func (m *Machine) await(limit time.Duration) error {
	m.pid = 0
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		select {
		case <-m.done:
			return errors.New("the machine ended while it booted")
		default:
		}
		// Of unshare's nspawn, which at first has another child for a moment.
		if m.pid = firstChild(firstChild(m.cmd.Process.Pid)); m.pid == 0 {
			continue
		}
		out, _ := m.Try("systemctl", "is-system-running")
		switch strings.TrimSpace(out) {
		case "running", "degraded":
			return nil
		}
	}
	return fmt.Errorf("not up after %s", limit)
}

func firstChild(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	var child int
	if _, err := fmt.Sscan(string(data), &child); err != nil {
		return 0
	}
	return child
}

func (m *Machine) running() bool {
	select {
	case <-m.done:
		return false
	default:
		return m.pid != 0
	}
}

// Kill is a power cut: it ends every process of the machine with SIGKILL.
func (m *Machine) Kill(t *testing.T) {
	t.Helper()
	if !m.running() {
		return
	}
	// When systemd ends, the kernel ends every process of its namespace.
	if err := syscall.Kill(m.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("killing the machine: %v", err)
	}
	select {
	case <-m.done:
	case <-time.After(20 * time.Second):
		m.cmd.Process.Kill()
		<-m.done
	}
}

// off shuts the machine down, so that every service has ended as it should.
func (m *Machine) off(t *testing.T) {
	t.Helper()
	m.Try("systemctl", "poweroff")
	select {
	case <-m.done:
	case <-time.After(time.Minute):
		t.Fatalf("the machine did not shut down in a minute:\n%s", m.log.String())
	}
}

// Try runs a command inside and returns its output and exit status.
func (m *Machine) Try(args ...string) (string, int) {
	cmd := m.command(args...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return string(out), 0
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	return string(out) + err.Error(), -1
}

func (m *Machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", fmt.Sprint(m.pid), "-a", "-r", "-w", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

// Run runs a command inside that must succeed, and returns its output.
func (m *Machine) Run(t *testing.T, args ...string) string {
	t.Helper()
	out, status := m.Try(args...)
	if status != 0 {
		t.Fatalf("%s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// Shell runs a script inside that must succeed.
func (m *Machine) Shell(t *testing.T, script string) string {
	t.Helper()
	return m.Run(t, "sh", "-euc", script)
}

// Root is the machine's file system, as the host sees it.
func (m *Machine) Root() string { return m.root }

// Write makes a file inside, with its directories.
func (m *Machine) Write(t *testing.T, path, content string) {
	t.Helper()
	at := filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Read returns a file's content.
func (m *Machine) Read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(m.root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Copy copies a file or directory of the host into the machine.
func (m *Machine) Copy(t *testing.T, from, inside string) {
	t.Helper()
	to := filepath.Join(m.root, inside)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	host(t, "cp", "-r", "--no-preserve=ownership", from, to)
	host(t, "chmod", "-R", "a+rX", to)
}

// host runs a command of the test's own machine.
func host(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
