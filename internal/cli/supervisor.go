package cli

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/supervisor"
	"github.com/bugspark/bugspark/internal/host/systemd"
	"github.com/bugspark/bugspark/internal/host/unit"
	"github.com/bugspark/bugspark/internal/lifecycle"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

func newSupervisor(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "supervisor",
		Short:  "Answer the admin panel's privileged requests (a role of the service manager)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return runSupervisor(cmd.Context(), env) },
	}
}

func runSupervisor(ctx context.Context, env Env) error {
	log := slog.New(slog.NewTextHandler(env.Stderr, nil))
	inherited, err := lifecycle.Inherited()
	if err != nil {
		return err
	}
	ln, err := inherited.One("supervisor")
	if err != nil {
		return err
	}
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return err
	}
	manager, err := systemd.Connect(ctx, set)
	if err != nil {
		return err
	}
	defer manager.Close()
	callers, err := supervisorCallers(set)
	if err != nil {
		return err
	}
	handler, peers := supervisor.New(supervisor.Options{
		Manager: supervised{manager, env, set}, Restartable: set.Supervised(), Callers: callers, Log: log,
	})
	service := lifecycle.Service{
		Server:    &http.Server{Handler: handler, ConnContext: peers, ReadHeaderTimeout: 5 * time.Second},
		Listeners: []net.Listener{ln},
		Check:     func(context.Context) error { _, err := manager.Version(); return err },
		Log:       log,
	}
	return service.Run(ctx)
}

// supervisorCallers are the accounts that may ask: that of the API. On a machine
// without it, as in development, only root may.
func supervisorCallers(set unit.Set) (map[uint32]bool, error) {
	callers := map[uint32]bool{}
	api, err := set.Role("api")
	if err != nil {
		return nil, err
	}
	if u, err := user.Lookup(api.Service.User); err == nil {
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		callers[uint32(uid)] = true
	}
	return callers, nil
}

// supervised is the manager as the supervisor wants it. The configuration is
// read at each call, because apply may have changed it since the start.
type supervised struct {
	*systemd.Manager
	env Env
	set unit.Set
}

func (s supervised) Units(ctx context.Context) ([]supervisor.Unit, error) {
	dirs := config.DirsFrom(s.env.Lookup)
	cfg, err := config.Load(dirs, s.env.Lookup)
	if err != nil {
		return nil, err
	}
	confirmed, err := setup.KitConfirmed(dirs)
	if err != nil {
		return nil, err
	}
	on, _ := s.set.Selected(unit.Site{Config: cfg, KitConfirmed: confirmed})
	return describe(ctx, s.Manager, on)
}

func (s supervised) Restart(ctx context.Context, name string) error {
	return s.Manager.Restart(ctx, name)
}
