package houserules

import (
	"go/ast"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The command line parses flags, calls one package and prints. What decides
// belongs into a package whose tests need no command line.
func TestTheCommandLineStaysThin(t *testing.T) {
	total := 0
	for _, s := range sources(t) {
		if s.pkg == "internal/cli" && !s.test {
			total += s.lines
		}
	}
	if total > 3000 {
		t.Errorf("internal/cli has %d lines outside tests, the limit is 3000: move what does not parse or print into a package", total)
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

// Which units there are and what is special about each stands in systemd/. Every
// name in Go is a place that has to be found when a unit is added or renamed.
func TestUnitsAreNamedInTheUnitFiles(t *testing.T) {
	const limit = 12
	files, err := filepath.Glob("../../systemd/bugspark-*.*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if name := strings.TrimRight(strings.TrimSuffix(path.Base(f), path.Ext(f)), "@"); !strings.HasSuffix(name, "-") && path.Ext(f) != ".d" {
			names = append(names, regexp.QuoteMeta(name))
		}
	}
	if len(names) < 10 {
		t.Fatalf("only %d units were found", len(names))
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	unit := regexp.MustCompile(`\b(` + strings.Join(slices.Compact(names), "|") + `)\b`)
	debianPackage := regexp.MustCompile(`(package|apt install|install bugspark) bugspark-minio`)
	// The measurements and the harnesses are no part of the product, and accounts
	// have the names of the services they were made for.
	exempt := []string{"internal/bench", "internal/machine", "internal/browser", "internal/host/account"}
	var found []string
	for _, s := range sources(t) {
		if s.test || slices.ContainsFunc(exempt, func(dir string) bool { return below(s.pkg, dir) }) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && unit.MatchString(debianPackage.ReplaceAllString(lit.Value, "")) {
				found = append(found, s.path+": "+lit.Value)
			}
			return true
		})
	}
	if len(found) > limit {
		t.Errorf("%d literals name units, the limit is %d: ask the unit set, or an account of internal/host/account\n%s", len(found), limit, strings.Join(found, "\n"))
	}
}
