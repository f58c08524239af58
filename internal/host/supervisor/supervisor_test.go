package supervisor_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bugspark/bugspark/internal/host/supervisor"
)

type manager struct{ restarted []string }

func (m *manager) Units(context.Context) ([]supervisor.Unit, error) {
	return []supervisor.Unit{{Name: "bugspark-api.service", State: "active", Healthy: true}}, nil
}

func (m *manager) Restart(_ context.Context, unit string) error {
	m.restarted = append(m.restarted, unit)
	return nil
}

// recorder may be asked by several connections at once.
type recorder struct {
	sync.Mutex
	manager
}

func (r *recorder) Restart(ctx context.Context, unit string) error {
	r.Lock()
	defer r.Unlock()
	return r.manager.Restart(ctx, unit)
}

func (r *recorder) names() []string {
	r.Lock()
	defer r.Unlock()
	return slices.Compact(slices.Clone(r.restarted))
}

// serve runs a supervisor and returns its socket and its journal.
func serve(t *testing.T, m supervisor.Manager, callers map[uint32]bool) (string, *strings.Builder) {
	t.Helper()
	return serveFor(t, m, callers)
}

func serveFor(t testing.TB, m supervisor.Manager, callers map[uint32]bool) (string, *strings.Builder) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sup")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	var journal strings.Builder
	h, peers := supervisor.New(supervisor.Options{
		Manager: m, Restartable: []string{"bugspark-api.service"}, Callers: callers,
		Log: slog.New(slog.NewTextHandler(&journal, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	srv := &http.Server{Handler: h, ConnContext: peers}
	done := make(chan struct{})
	go func() { srv.Serve(ln); close(done) }()
	t.Cleanup(func() { srv.Close(); <-done })
	return ln.Addr().String(), &journal
}

func me() map[uint32]bool { return map[uint32]bool{uint32(os.Getuid()): true} }

func TestRestartIsLimitedToOurServicesAndAudited(t *testing.T) {
	m := &manager{}
	socket, journal := serve(t, m, me())
	c := supervisor.NewClient(socket)
	if err := c.Restart(t.Context(), "bugspark-api.service"); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"ssh.service", "bugspark-api.service/../ssh.service", "", "bugspark-api"} {
		if err := c.Restart(t.Context(), other); err == nil {
			t.Errorf("restarting %q was allowed", other)
		}
	}
	if len(m.restarted) != 1 {
		t.Errorf("restarted %v", m.restarted)
	}
	if !strings.Contains(journal.String(), "verb=restart unit=bugspark-api.service uid=") {
		t.Errorf("no audit line in\n%s", journal)
	}
}

func TestUnits(t *testing.T) {
	socket, _ := serve(t, &manager{}, me())
	c := supervisor.NewClient(socket)
	units, err := c.Units(t.Context())
	if err != nil || len(units) != 1 || !units[0].Healthy {
		t.Errorf("%v %v", units, err)
	}
}
