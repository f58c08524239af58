package foreground_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/foreground"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// TestMain lets the test binary play the services: their unit files name it
// with a role, as the shipped ones name bugspark.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "play" {
		os.Exit(play(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func play(args []string) int {
	stop := make(chan os.Signal, 1)
	switch args[0] {
	case "echo": // a service: answers a line on its socket with its pid
		ls, err := lifecycle.Inherited()
		if err != nil {
			fmt.Println(err)
			return 1
		}
		ln, err := ls.One("echo")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("listening \x1b[2J as", os.Getpid())
		lifecycle.Notify(daemon.SdNotifyReady)
		for {
			c, err := ln.Accept()
			if err != nil {
				return 1
			}
			fmt.Fprintln(c, os.Getpid())
			c.Close()
		}
	case "append": // an auxiliary command: notes its turn
		f, err := os.OpenFile(args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return 1
		}
		fmt.Fprintln(f, args[2])
		f.Close()
		return 0
	case "fail":
		fmt.Println("cannot open the vault")
		return 3
	case "stubborn": // never stops by itself
		ignore(stop)
		lifecycle.Notify(daemon.SdNotifyReady)
		select {}
	}
	return 2
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// options prepares a run of the given unit files in a short directory. SELF in
// a unit stands for the test binary.
func options(t *testing.T, files map[string]string) (foreground.Options, *buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fsys := fstest.MapFS{}
	for name, text := range files {
		text = strings.NewReplacer("SELF", self+" play", "DIR", dir).Replace(text)
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := unit.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	out := &buffer{}
	return foreground.Options{
		Set: set, Binary: self, Out: out, Env: os.Environ(),
		Dirs:  config.Dirs{Config: dir + "/etc", State: dir + "/state", Run: dir + "/run"},
		Ready: func(context.Context) error { return nil },
	}, out
}

func ask(t *testing.T, path string) string {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var pid string
	if _, err := fmt.Fscan(c, &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

const echoSocket = "[Socket]\nListenStream=/run/bugspark/echo.sock\nFileDescriptorName=echo\n"

func TestAKilledServiceComesBackOnTheSameSocket(t *testing.T) {
	o, out := options(t, map[string]string{
		"bugspark-echo.service": "[Service]\nType=notify\nExecStart=SELF echo\nRestartSec=10ms\nTimeoutStopSec=5\n",
		"bugspark-echo.socket":  echoSocket,
	})
	ctx, cancel := context.WithCancel(t.Context())
	socket := filepath.Join(o.Dirs.Run, "echo.sock")
	o.Ready = func(context.Context) error {
		first := ask(t, socket)
		var pid int
		fmt.Sscan(first, &pid)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		if second := ask(t, socket); second == first {
			t.Error("the killed service answered")
		}
		cancel()
		return nil
	}
	if err := foreground.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	log := out.String()
	if !strings.Contains(log, "ended unexpectedly (signal: killed)") || strings.Contains(log, "\x1b") {
		t.Errorf("log:\n%s", log)
	}
	if _, err := os.Stat(socket); !os.IsNotExist(err) {
		t.Error("the socket was left behind")
	}
}

func TestServicesStartInOrderWithTheirAuxiliaryCommands(t *testing.T) {
	o, _ := options(t, map[string]string{
		"bugspark-echo.service":  "[Unit]\nAfter=bugspark-first.service\n[Service]\nType=notify\nExecStartPre=SELF append DIR/order pre\nExecStart=SELF echo\nExecStartPost=SELF append DIR/order post\nTimeoutStopSec=5\n",
		"bugspark-echo.socket":   echoSocket,
		"bugspark-first.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=SELF append DIR/order first\n",
	})
	ctx, cancel := context.WithCancel(t.Context())
	o.Ready = func(context.Context) error { cancel(); return nil }
	if err := foreground.Run(ctx, o); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(filepath.Dir(o.Dirs.Run), "order"))
	if err != nil || string(got) != "first\npre\npost\n" {
		t.Errorf("order %q %v", got, err)
	}
}

func TestAFailedStartSaysWhichServiceAndWhy(t *testing.T) {
	o, _ := options(t, map[string]string{
		"bugspark-vault.service": "[Service]\nType=notify\nExecStart=SELF fail\n",
	})
	err := foreground.Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "vault ended before it was ready") || !strings.Contains(err.Error(), "cannot open the vault") {
		t.Errorf("got %v", err)
	}
}

func TestAStubbornServiceIsKilled(t *testing.T) {
	o, out := options(t, map[string]string{
		"bugspark-mule.service": "[Service]\nType=notify\nExecStart=SELF stubborn\nTimeoutStopSec=200ms\n",
	})
	ctx, cancel := context.WithCancel(t.Context())
	o.Ready = func(context.Context) error { cancel(); return nil }
	done := make(chan error, 1)
	go func() { done <- foreground.Run(ctx, o) }()
	select {
	case err := <-done:
		if err != nil || !strings.Contains(out.String(), "did not stop in time") {
			t.Errorf("%v\n%s", err, out)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the runner hangs on a stubborn service")
	}
}

func TestALongPathIsRefusedBeforeAnythingRuns(t *testing.T) {
	o, _ := options(t, nil)
	o.Dirs.Run = "/" + strings.Repeat("long/", 25)
	if err := foreground.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "107") {
		t.Errorf("got %v", err)
	}
}
