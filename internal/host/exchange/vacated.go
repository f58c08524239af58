package exchange

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/fault"
)

// lookInterval is how often processes are looked for that must end.
const lookInterval = 50 * time.Millisecond

// vacated waits until no server works in any of the directories, and refuses when one
// stays. postmaster.pid does not tell: a server that was killed leaves it behind, and
// its number may be that of another process by now.
func (e *Exchanger) vacated(ctx context.Context, dirs ...string) error {
	for end := time.Now().Add(e.Leaving); ; {
		pid, dir, err := serverIn(dirs)
		if err != nil || pid == 0 {
			return err
		}
		if time.Now().After(end) {
			return fault.New(fault.Failed, fmt.Sprintf("end it (ps -fp %d), then run the command again", pid),
				"process %d is a PostgreSQL server that works in %s and was not started by its unit; the data was not exchanged", pid, dir)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookInterval):
		}
	}
}

// serverIn finds a process of PostgreSQL whose working directory is one of dirs, as
// that of each of its processes is the data directory. pid is 0 when there is none.
func serverIn(dirs []string) (pid int, dir string, err error) {
	var wanted []os.FileInfo
	for _, dir := range dirs {
		info, err := os.Stat(dir)
		if err != nil {
			return 0, "", fmt.Errorf("looking whether a server uses it: %w", err)
		}
		wanted = append(wanted, info)
	}
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return 0, "", fmt.Errorf("looking for servers: %w", err)
	}
	for _, process := range processes {
		pid, err := strconv.Atoi(process.Name())
		if err != nil {
			continue
		}
		// Files of a process that has ended meanwhile are gone, and a user that is not
		// root may not look at processes of others.
		name, err := os.ReadFile(filepath.Join("/proc", process.Name(), "comm"))
		if err != nil || !isServer(strings.TrimSpace(string(name))) {
			continue
		}
		at, err := os.Stat(filepath.Join("/proc", process.Name(), "cwd"))
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(wanted, func(dir os.FileInfo) bool { return os.SameFile(dir, at) }); i >= 0 {
			return pid, dirs[i], nil
		}
	}
	return 0, "", nil
}

// isServer tells whether a program is the server. Some distributions start it under
// its old name.
func isServer(program string) bool { return program == "postgres" || program == "postmaster" }
