package cli_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// answersHealth starts a server that answers like a healthy stack at HTTPS_PORT,
// and lets the service manager of the script hold both of the proxy's sockets.
func answersHealth(ts *testscript.TestScript, _ bool, _ []string) {
	ln, err := net.Listen("tcp", "localhost:"+ts.Getenv("HTTPS_PORT"))
	ts.Check(err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ts.Check(s.Listener.Close())
	s.Listener = ln
	s.StartTLS()
	ts.Defer(s.Close)
	state, err := json.Marshal(map[string]any{
		"enabled": map[string]bool{}, "drop_ins": map[string]string{}, "broken": map[string]bool{},
		"active": map[string]bool{"bugspark-proxy-http.socket": true, "bugspark-proxy-https.socket": true},
	})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.Getenv(managerFile), state, 0o600))
}

// expand FROM TO copies a file and replaces the variables in it.
func expand(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o644))
}

// append FILE FROM adds a file to the end of another.
func appendFile(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(ts.ReadFile(args[0])+ts.ReadFile(args[1])), 0o644))
}

// inOrder FILE PATTERN... wants the first matches of the patterns one after the
// other.
func inOrder(ts *testscript.TestScript, _ bool, args []string) {
	text, at := ts.ReadFile(args[0]), -1
	for _, pattern := range args[1:] {
		found := regexp.MustCompile(pattern).FindStringIndex(text)
		if found == nil || found[0] < at {
			ts.Fatalf("%q is not where it should be in\n%s", pattern, text)
		}
		at = found[0]
	}
}

// withManager changes the service manager of the script.
func withManager(ts *testscript.TestScript, change func(*manager) error) error {
	set, err := unit.Load(unitfiles.Units)
	ts.Check(err)
	m, err := remembered(ts.Getenv(managerFile), set)
	ts.Check(err)
	err = change(m)
	ts.Check(scripted{m}.call("script"))
	return err
}

// stopUnit UNIT stops a unit, and what requires it.
func stopUnit(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(withManager(ts, func(m *manager) error {
		m.stop(args[0])
		return nil
	}))
}

// visit SOCKET connects to a socket, which starts its service; ! wants that nothing
// listens there.
func visit(ts *testscript.TestScript, neg bool, args []string) {
	if err := withManager(ts, func(m *manager) error { return m.visit(args[0]) }); (err != nil) != neg {
		ts.Fatalf("visiting %s: %v", args[0], err)
	}
}

// breakUnit UNIT stops a unit, which will not start again.
func breakUnit(ts *testscript.TestScript, _ bool, args []string) {
	file := ts.Getenv(managerFile)
	m := &manager{}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), m))
	m.Active[args[0]] = false
	if m.Broken == nil {
		m.Broken = map[string]bool{}
	}
	m.Broken[args[0]] = true
	data, err := json.Marshal(m)
	ts.Check(err)
	ts.Check(os.WriteFile(file, data, 0o600))
}
