package machinetest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/machine"
)

// TestRestoreUnderLoad restores and undoes while visitors send reports and people
// open pages without a pause, and while somebody starts the services all the time.
// Whoever is not served is told to try again, and what was acknowledged is where
// the exchange has left it.
func TestRestoreUnderLoad(t *testing.T) {
	t.Parallel()
	m := installed(t, "bookworm")
	s := setUp(t, m)
	backupsStart(t, m)
	for i := range 3 {
		t.Run(fmt.Sprint("round ", i+1), func(t *testing.T) { exchangesUnderLoad(t, m, s, i+1, i == 1) })
	}
	healthy(t, m)
}

func exchangesUnderLoad(t *testing.T, m *machine.Machine, s *site, round int, stubborn bool) {
	// A report with the title of another one of the last minutes is answered as that one.
	l := startLoad(s, fmt.Sprint("exchange ", round))
	defer l.end()
	p := openPages(s)
	defer p.end()
	l.progress(t, 50)
	archived(t, m)
	if stubborn {
		m.Shell(t, `cat >/run/stubborn.sh <<-'EOF'
			while sleep 0.2; do systemctl --no-block start bugspark-api.service bugspark-postgres.service; bugspark health api >/dev/null 2>&1 || true; done
		EOF
		systemd-run -q --unit=stubborn sh /run/stubborn.sh`)
	}
	restoring := time.Now()
	m.Run(t, "bugspark", "restore", "--set", "latest", "--yes")
	restored := time.Now()
	l.progress(t, 50)
	undoing := time.Now()
	m.Run(t, "bugspark", "restore", "undo", "--yes")
	undone := time.Now()
	if stubborn {
		m.Run(t, "systemctl", "stop", "stubborn")
	}
	l.progress(t, 50)
	l.end()
	p.end()
	have := s.ids(t)
	lost, gone, between := 0, 0, 0
	for i, id := range l.acked {
		switch began := l.began[i]; {
		case have[id]:
		case l.at[i].Before(restoring) || began.After(undone):
			lost++
		case began.After(restored) && l.at[i].Before(undoing):
			gone++ // with what was restored
		default:
			between++
		}
	}
	t.Logf("%d acknowledged, %d went with the restored data, %d around the exchanges; %d requests were refused; pages: %d served, %d told to wait",
		len(l.acked), gone, between, len(l.failures), p.served.Load(), p.refused.Load())
	if lost > 0 || gone == 0 {
		t.Errorf("%d acknowledged reports are lost; %d went with what was undone", lost, gone)
	}
	for _, failure := range l.failures {
		if !strings.HasPrefix(failure, "status 503") {
			t.Errorf("a visitor was told %s", failure)
			break
		}
	}
	if !stubborn && p.refused.Load() == 0 {
		t.Error("nobody noticed the exchange, so it was not under load")
	}
	for _, wrong := range p.wrong {
		t.Error(wrong)
	}
}

// pages opens the dashboard without a pause.
type pages struct {
	served, refused atomic.Int64
	wrong           []string
	stop            atomic.Bool
	done            sync.WaitGroup
}

func openPages(s *site) *pages {
	p := &pages{}
	p.done.Go(func() {
		for !p.stop.Load() && len(p.wrong) < 3 {
			p.open(s)
		}
	})
	return p
}

func (p *pages) open(s *site) {
	req, err := http.NewRequest(http.MethodGet, s.base+"/", nil)
	if err != nil {
		p.wrong = append(p.wrong, err.Error())
		return
	}
	req.Header.Set("Accept", "text/html")
	resp, err := s.client.Do(req)
	if err != nil {
		p.wrong = append(p.wrong, err.Error())
		return
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		p.served.Add(1)
	case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		p.refused.Add(1)
	default:
		p.wrong = append(p.wrong, "a page was answered with "+resp.Status)
	}
}

func (p *pages) end() {
	p.stop.Store(true)
	p.done.Wait()
}
