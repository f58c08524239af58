package cli

import (
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

func newDashboard(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "dashboard",
		Short:  "Serve the team's web pages (a role of the service manager)",
		Long:   "Dashboard serves the embedded front end on the socket named \"dashboard\" that the service manager hands over.",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inherited, err := lifecycle.Inherited()
			if err != nil {
				return err
			}
			ln, err := inherited.One("dashboard")
			if err != nil {
				return err
			}
			handler, err := dashboard.New(dashboard.Options{})
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(env.Stderr, nil))
			service := lifecycle.Service{
				Server: &http.Server{
					Handler:           handler,
					ReadHeaderTimeout: 10 * time.Second,
					IdleTimeout:       2 * time.Minute,
					MaxHeaderBytes:    64 << 10,
					ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
				},
				Listeners: []net.Listener{ln},
				Log:       log,
			}
			return service.Run(cmd.Context())
		},
	}
}
