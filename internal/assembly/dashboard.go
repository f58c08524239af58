package assembly

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/bugspark/bugspark/internal/lifecycle"
	"github.com/bugspark/bugspark/internal/tracker/dashboard"
)

// RunDashboard serves the team's web pages until ctx ends.
func (p *Parts) RunDashboard(ctx context.Context) error {
	sockets, err := listeners("dashboard")
	if err != nil {
		return err
	}
	handler, err := dashboard.New(dashboard.Options{})
	if err != nil {
		return err
	}
	service := lifecycle.Service{
		Server: &http.Server{
			Handler:           handler,
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    64 << 10,
			ErrorLog:          slog.NewLogLogger(p.Log.Handler(), slog.LevelWarn),
		},
		Listeners: sockets,
		Log:       p.Log,
	}
	return service.Run(ctx)
}
