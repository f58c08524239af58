package health_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/backup/health"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/config"
)

// notes are the files that the account of the backups owns, and root's status reads.
func notes() []string {
	out := []string{history.SetFile, history.DrillFile, history.VerifyFile, history.WALFile, history.CopyFile, history.CopyVerifyFile, history.CopyDrillFile,
		history.OnFile, history.ProvenFile, history.CopyProvenFile, history.KeptFile, history.DataFile}
	for _, j := range history.Jobs() {
		out = append(out, "run-"+string(j)+".json")
	}
	return out
}

// TestNoNoteTakesTheStatusDown puts into each note what no job writes there.
func TestNoNoteTakesTheStatusDown(t *testing.T) {
	plant := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o644) }
	}
	for rule, c := range map[string]struct {
		plant  func(path string) error
		unread bool
	}{
		"a drill that failed for no reason": {plant(`{"at":"2026-11-27T01:00:00Z","passed":false,"since":"2026-11-20T01:00:00Z"}`), false},
		"moments of no time":                {plant(`{"at":"0000-01-01T00:00:00Z","since":"9999-12-31T23:59:59Z","through":"9999-12-31T23:59:59Z","failure":"x"}`), false},
		"null":                              {plant("null"), false},
		"nothing":                           {plant(""), true},
		"another kind of value":             {plant("[]"), true},
		"half a file":                       {plant(`{"at":"2026-11-27T01:00:00Z",`), true},
		"a member of another kind":          {plant(`{"at":7,"since":7,"through":7,"sets":7}`), true},
		"a directory":                       {func(path string) error { return os.Mkdir(path, 0o755) }, true},
		"a FIFO":                            {func(path string) error { return unix.Mkfifo(path, 0o644) }, true},
		"a link":                            {func(path string) error { return os.Symlink("/etc/passwd", path) }, true},
		"a file of 8 GiB": {func(path string) error {
			return errors.Join(os.WriteFile(path, []byte("{}"), 0o644), os.Truncate(path, 8<<30))
		}, true},
	} {
		t.Run(rule, func(t *testing.T) {
			for _, note := range notes() {
				d := config.Dirs{Config: t.TempDir(), State: t.TempDir()}
				path := history.File(d, note)
				if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), c.plant(path)); err != nil {
					t.Fatal(err)
				}
				cfg := well().Config
				cfg.Backup.Target = t.TempDir()
				cfg.Backup.Copy.Target = t.TempDir()
				s, err := health.Look(func(string) (string, bool) { return "", false }, d, cfg, time.Now())
				if err != nil {
					t.Errorf("%s: %v", note, err)
					continue
				}
				told := slices.ContainsFunc(s.Problems, func(p health.Problem) bool {
					return p.Key == health.NoteUnreadable && strings.Contains(p.Text, note)
				})
				if told != c.unread {
					t.Errorf("%s: that it cannot be read is told: %v, want %v: %v", note, told, c.unread, s.Problems)
				}
				_, _, _ = s.Attention(), s.Sentence(), s.Metrics()
				h := history.Known(d)
				_, _, _, _ = h.Drill.Err(), h.Drill.Text(), h.CopyDrill.Err(), h.CopyDrill.Text()
				if _, err := json.Marshal(s); err != nil {
					t.Errorf("%s: %v", note, err)
				}
			}
		})
	}
}
