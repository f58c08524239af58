package houserules

import (
	"strings"
	"testing"
)

// The command line parses flags, calls one package and prints. What decides
// belongs into a package whose tests need no command line. The limit was 3000 until
// 'widget snippet' came, a command with flags and help of its own.
func TestTheCommandLineStaysThin(t *testing.T) {
	total := 0
	for _, s := range sources(t) {
		if s.pkg == "internal/cli" && !s.test {
			total += s.lines
		}
	}
	if total > 3100 {
		t.Errorf("internal/cli has %d lines outside tests, the limit is 3100: move what does not parse or print into a package", total)
	}
}

func TestTheCommandLineReachesNoEngine(t *testing.T) {
	engines := map[string]string{
		"internal/pgcluster":         "commands ask assembly for a cluster, so that each test can have its own",
		"internal/backup/repository": "commands ask a job for a result; which library keeps the sets is not theirs",
		"internal/backup/archive":    "commands ask a job for a result; how WAL is kept is not theirs",
		"github.com/jackc/pgx":       "commands speak no SQL",
	}
	for _, s := range sources(t) {
		if s.pkg != "internal/cli" || s.test {
			continue
		}
		for _, spec := range s.file.Imports {
			imported := strings.TrimPrefix(strings.Trim(spec.Path.Value, `"`), module)
			for engine, why := range engines {
				if below(imported, engine) {
					t.Errorf("%s imports %s: %s", s.path, imported, why)
				}
			}
		}
	}
}
