package assembly

import (
	"context"
	"net/http"
	"time"

	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/supervisor"
	"github.com/bugspark/bugspark/internal/host/unit"
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
	callers, err := supervisorCallers(m.Set)
	if err != nil {
		return err
	}
	handler, peers := supervisor.New(supervisor.Options{
		Manager: supervised{m}, Restartable: m.Set.Supervised(), Callers: callers, Log: p.recordLog(),
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

// supervisorCallers are the accounts that may ask: that of the API. On a machine
// without it, as in development, only root may.
func supervisorCallers(set unit.Set) (map[uint32]bool, error) {
	role, err := set.Role("api")
	if err != nil {
		return nil, err
	}
	api, err := account.Lookup(role.Service.User)
	if err != nil || api == nil {
		return nil, err
	}
	return map[uint32]bool{api.Uid: true}, nil
}
