package job

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/target/targettest"
	"github.com/bugspark/bugspark/internal/fault"
)

// What root has left on a target names the command that gives it away.
func TestAFileOfAnotherAccountNamesTheNextCommand(t *testing.T) {
	j := lockJobs(t)
	j.Config.Backup.Target = targettest.Directory(t)
	e, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, false)
	if err == nil {
		err = j.Claim(t.Context(), e, false)
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{Jobs: j, Endpoint: e, Target: target.Directory(j.Config.Backup.Target)}
	err = s.explainOpen(t.Context(), &fs.PathError{Op: "open", Path: "sets/.shards", Err: fs.ErrPermission})
	if !errors.Is(err, fs.ErrPermission) || !strings.HasPrefix(strings.Join(fault.Hints(err), ""), "bugspark apply") {
		t.Errorf("%v, next %q", err, fault.Hints(err))
	}
}
