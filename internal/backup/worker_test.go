package backup_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/scratch"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// The test binary is also the process that runs scratch servers, as it is also the
// restore_command of these.
const workerVariable = "BACKUP_TEST_WORKER"

// work is that process. Its fetch command is the next argument of the environment.
func work(dir string) int {
	conn, err := net.FileConn(os.NewFile(3, "client"))
	if err == nil {
		w := scratch.Worker{
			Place:    scratch.Place{Data: filepath.Join(dir, "data", "database"), Dir: filepath.Join(dir, "s"), Durable: os.Getenv(workerVariable+"_DURABLE") != ""},
			Programs: pgcluster.New(pgcluster.Options{Root: os.DirFS("/"), Lookup: os.LookupEnv, Run: pgcluster.Exec}),
			Fetch: func(socket string) string {
				return fetchVariable + "=" + socket + " " + filepath.Join(dir, "program") + " %f %p"
			},
			Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		}
		err = w.Serve(context.Background(), conn)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// worker starts that process, as nobody where the tests are root's. The data is in the
// directory that is returned.
func worker(t *testing.T, permanent bool) (c *scratch.Client, data string) {
	t.Helper()
	dir := shared(t)
	c, err := startWorker(t, dir, permanent)
	if err != nil {
		t.Fatal(err)
	}
	return c, filepath.Join(dir, "data", "database")
}

func startWorker(t *testing.T, dir string, permanent bool) (*scratch.Client, error) {
	t.Helper()
	account := nobody(t)
	program := copyOfSelf(t, dir)
	for _, path := range []string{"s", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, path), 0o700); err != nil {
			return nil, err
		}
	}
	if account != nil {
		if err := durable.ChownTree(dir, int(account.Uid), int(account.Gid)); err != nil {
			return nil, err
		}
	}
	child := scratch.Child{Program: program, Env: []string{workerVariable + "=" + dir, "PATH=" + os.Getenv("PATH")}, Account: account,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if permanent {
		child.Env = append(child.Env, workerVariable+"_DURABLE=1")
	}
	conn, err := child.Start(context.Background())
	if err != nil {
		return nil, err
	}
	c, err := scratch.New(conn, filepath.Join(shared(t), "c"))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return c, nil
}
