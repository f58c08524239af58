package cli

import (
	"context"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/storagegate"
	"github.com/bugspark/bugspark/internal/lifecycle"
)

func newStorage(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:    "storage",
		Short:  "Guard the object store (roles of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
	}
	c.AddCommand(
		&cobra.Command{
			Use:   "gate",
			Short: "Let only the product's requests through to MinIO",
			Long:  "Gate serves the socket named \"storage\" that the service manager hands over.",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return serveGate(cmd.Context(), env) },
		},
		&cobra.Command{
			Use:   "check",
			Short: "Ask MinIO whether it lives, from inside its network namespace",
			Args:  cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				gate, _, err := openGate(env)
				if err != nil {
					return err
				}
				ctx, cancel := context.WithTimeout(cmd.Context(), 10*time.Second)
				defer cancel()
				return gate.Check(ctx)
			},
		},
	)
	return c
}

func serveGate(ctx context.Context, env Env) error {
	gate, cfg, err := openGate(env)
	if err != nil {
		return err
	}
	inherited, err := lifecycle.Inherited()
	if err != nil {
		return err
	}
	ln, err := inherited.One("storage")
	if err != nil {
		return err
	}
	service := lifecycle.Service{
		Server:    gate.Server(),
		Listeners: []net.Listener{ln},
		Check:     gate.Check,
		Log:       newLog(env, cfg.Log),
	}
	return service.Run(ctx)
}

func openGate(env Env) (*storagegate.Gate, config.Config, error) {
	cfg, err := config.Load(config.DirsFrom(env.Lookup), env.Lookup)
	if err != nil {
		return nil, config.Config{}, err
	}
	return storagegate.New(storagegate.Options{
		Bucket: cfg.Storage.Bucket, Upstream: storagegate.Address, Patience: 5 * time.Second, Log: newLog(env, cfg.Log),
	}), cfg, nil
}
