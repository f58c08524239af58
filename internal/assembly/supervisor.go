package assembly

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/supervisor"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

// RunSupervisor answers the admin panel's privileged requests until ctx ends.
func (p *Parts) RunSupervisor(ctx context.Context) error {
	sockets, err := listeners("supervisor")
	if err != nil {
		return err
	}
	m, err := p.Machine(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	callers := map[uint32]bool{}
	api, err := account.Lookup(account.API)
	if err != nil {
		return err
	}
	if api != nil {
		callers[api.Uid] = true
	}
	var restartable []string
	for _, name := range m.Set.Names() {
		// Restarting itself would cut off its own answer.
		if strings.HasSuffix(name, ".service") && name != "bugspark-supervisor.service" {
			restartable = append(restartable, name)
		}
	}
	handler, peers := supervisor.New(supervisor.Options{
		Manager: supervised{m}, Restartable: restartable, Callers: callers, Log: p.Log,
	})
	service := lifecycle.Service{
		Server:    &http.Server{Handler: handler, ConnContext: peers, ReadHeaderTimeout: 5 * time.Second},
		Listeners: sockets,
		Check:     func(context.Context) error { _, err := m.ServiceManager.Version(); return err },
		Log:       p.Log,
	}
	return service.Run(ctx)
}

// supervised is the machine as the supervisor wants it. The configuration is read
// at each call, because apply may have changed it since the start.
type supervised struct{ m *Machine }

func (s supervised) Units(ctx context.Context) ([]supervisor.Unit, error) {
	now, err := New(s.m.Env)
	if err != nil {
		return nil, err
	}
	m := *s.m
	m.Parts = now
	return m.Units(ctx)
}

func (s supervised) Restart(ctx context.Context, name string) error { return s.m.Restart(ctx, name) }
