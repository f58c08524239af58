package cli

import (
	"context"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/minio"
)

func newMinIO(env Env) *cobra.Command {
	return service(env, "minio", "Become the MinIO server (a role of the service manager)", func(_ context.Context, p *assembly.Parts) error {
		server, err := minio.Server(p.Lookup, p.Dirs, p.Config.Storage)
		if err != nil {
			return err
		}
		// By exec, so that MinIO itself tells the service manager when it is ready.
		err = syscall.Exec(server.Args[0], server.Args, server.Env)
		return fault.Wrap(fault.Failed, err, "check that "+server.Args[0]+" can be executed", "starting MinIO")
	})
}
