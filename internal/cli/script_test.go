package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bugspark/bugspark/internal/cli"
)

// The test binary is the program: the scripts call it by the name bugspark.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bugspark": func() {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		status := cli.Run(ctx, cli.Env{
			Args: os.Args[1:], Lookup: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			Connect: connect(),
		})
		stop()
		os.Exit(status)
	}})
}

// TestScripts runs testdata/*.txt. With UPDATE_SCRIPTS=1 the expected outputs in
// them are replaced by the present ones.
func TestScripts(t *testing.T) {
	// The database runs as another account, which must reach its directory.
	root, err := os.MkdirTemp("/var/tmp", "bugspark-script")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		WorkdirRoot:   root,
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup:         setupScript,
		Condition:     condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "shape": shape, "await": await, "target": makeTarget,
			"field": field, "damage": damage,
			"answers-health": answersHealth, "expand": expand, "append": appendFile, "in-order": inOrder, "break-unit": breakUnit, "stop-unit": stopUnit, "visit": visit,
		},
	})
}

func setupScript(e *testscript.Env) error {
	for name, dir := range map[string]string{"CONFIG": "etc", "STATE": "state", "RUN": "run"} {
		e.Setenv("BUGSPARK_"+name+"_DIR", filepath.Join(e.WorkDir, "site", dir))
	}
	// Where apply and setup put backups unless told otherwise; services see /srv.
	local := filepath.Join("/srv", filepath.Base(filepath.Dir(e.WorkDir))+"-"+filepath.Base(e.WorkDir), "bugspark")
	e.Setenv("BUGSPARK_BACKUPS_DIR", local)
	e.Defer(func() { os.RemoveAll(filepath.Dir(local)) })
	for _, name := range []string{"HTTP_PORT", "HTTPS_PORT"} {
		port, err := freePort()
		if err != nil {
			return err
		}
		e.Setenv(name, strconv.Itoa(port))
	}
	return nil
}

// freePort is a port that nobody has, below those that the kernel gives to connections of
// other tests before the script listens on it.
func freePort() (int, error) {
	for {
		port := 10_000 + rand.IntN(20_000)
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return port, ln.Close()
	}
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "systemd":
		_, err := os.Stat("/run/systemd/system")
		return err == nil, nil
	case "postgresql":
		found, err := filepath.Glob("/usr/lib/postgresql/1[5-9]/bin/initdb")
		return len(found) > 0, err
	}
	return false, fmt.Errorf("no such condition: %s", name)
}

// exits STATUS COMMAND ARG... runs a program and compares its exit status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	status := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(status) != args[0] {
		ts.Fatalf("exit status %d instead of %s", status, args[0])
	}
}

// shape FILE prints JSON with every value replaced by its type and every list by
// its first element: what programs that read it rely on.
func shape(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shape FILE")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	ts.Check(e.Encode(shapeOf(v)))
	fmt.Fprint(ts.Stdout(), out.String())
}

func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = shapeOf(v[key])
		}
		return v
	case []any:
		if len(v) == 0 {
			return v
		}
		return []any{shapeOf(v[0])}
	case nil:
		return nil
	case string:
		return "string"
	case bool:
		return "bool"
	default:
		return "number"
	}
}

// await URL waits, a minute at most, until a service answers with 200.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await URL")
	}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var r *http.Response
		if r, err = client.Get(args[0]); err != nil {
			continue
		}
		r.Body.Close()
		if r.StatusCode == http.StatusOK {
			return
		}
		err = errors.New(r.Status)
	}
	ts.Fatalf("%s does not answer: %v", args[0], err)
}

// target NAME makes a directory that services of an installed system would see,
// as a backup target must be, and sets the variable NAME to it.
func makeTarget(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: target NAME")
	}
	dir, err := os.MkdirTemp("/srv", "bugspark-script")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	ts.Setenv(args[0], dir)
}

// field KEY FILE NAME sets the variable NAME to a text of a JSON object.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: field KEY FILE NAME")
	}
	var v map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &v))
	text, ok := v[args[0]].(string)
	if !ok {
		ts.Fatalf("%s has no text %q", args[1], args[0])
	}
	ts.Setenv(args[2], text)
}

// damage DIR flips a bit in the middle of the largest file below a directory.
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: damage DIR")
	}
	var largest string
	var size int64
	ts.Check(filepath.Walk(ts.MkAbs(args[0]), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > size {
			largest, size = path, info.Size()
		}
		return err
	}))
	data, err := os.ReadFile(largest)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(largest, 0o600))
	ts.Check(os.WriteFile(largest, data, 0o600))
	ts.Logf("damaged %s", largest)
}
