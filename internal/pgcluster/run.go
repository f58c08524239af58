package pgcluster

import (
	"context"

	"github.com/bugspark/bugspark/internal/fault"
)

// Start replaces this process by the server, by exec, so that the server itself
// tells the service manager that it is ready. It returns only an error.
func (c *Cluster) Start(ctx context.Context, exec func(path string, args, env []string) error) error {
	if err := c.refuseRoot(); err != nil {
		return err
	}
	if err := c.checkOwner(); err != nil {
		return err
	}
	if err := c.prepared(); err != nil {
		return err
	}
	server, err := c.Find(ctx)
	if err != nil {
		return err
	}
	program := server.program("postgres")
	env := c.environment("NOTIFY_SOCKET", "PG_OOM_ADJUST_FILE", "PG_OOM_ADJUST_VALUE")
	err = exec(program, append([]string{program}, c.arguments()...), env)
	return fault.Wrap(fault.Failed, err, "check that "+program+" can be executed", "starting PostgreSQL %d", server.Major)
}

// arguments of the server. What keeps the cluster off the network stands on the
// command line, where no configuration file and no ALTER SYSTEM overrules it.
func (c *Cluster) arguments() []string {
	return []string{
		"-D", c.DataDir(),
		"-c", "listen_addresses=",
		"-c", "unix_socket_directories=" + c.SocketDir,
		"-c", "port=5432", // only the name of the socket
		"-c", "hba_file=" + c.DataDir() + "/pg_hba.conf",
		"-c", "ident_file=" + c.DataDir() + "/pg_ident.conf",
	}
}
