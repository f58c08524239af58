package houserules

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The units are described in systemd/ alone; what depends on one asks the set for it.
// What is left are accounts that root acts for, packages, and hints for people.
const namesOfUnits = 14

func TestUnitsAreHardlyNamedInCode(t *testing.T) {
	named := regexp.MustCompile(`bugspark-(` + strings.Join(unitNames(t), "|") + `)\b`)
	// A Debian package may have the name of a unit.
	packages := regexp.MustCompile(`apt install( bugspark)? bugspark-minio`)
	var found []string
	for _, s := range sources(t) {
		if s.test || !(below(s.pkg, "cmd") || below(s.pkg, "internal")) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				for _, name := range named.FindAllString(packages.ReplaceAllString(text.Value, ""), -1) {
					found = append(found, s.path+": "+name)
				}
			}
			return true
		})
	}
	if len(found) > namesOfUnits {
		t.Errorf("code names units %d times, at most %d are allowed: ask the unit set (Role, ProvidersOf, a key of [X-BugSpark]):\n%s",
			len(found), namesOfUnits, strings.Join(found, "\n"))
	}
}

// unitNames are the names of the shipped units without "bugspark-" and their kind.
func unitNames(t *testing.T) []string {
	entries, err := os.ReadDir(filepath.Join("..", "..", "systemd"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var out []string
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), "bugspark-")
		name = strings.TrimSuffix(strings.TrimSuffix(name, filepath.Ext(name)), "@")
		if ok && !e.IsDir() && !seen[name] {
			seen[name] = true
			out = append(out, regexp.QuoteMeta(name))
		}
	}
	if len(out) < 10 {
		t.Fatalf("only %d units were found", len(out))
	}
	return out
}

// The package scripts find what to restart by a line of the unit files.
func TestThePackageScriptsReadTheUnits(t *testing.T) {
	for _, script := range []string{"postinstall.sh", "posttrans.sh", "postremove.sh", "preremove.sh"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "packaging", "scripts", script))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range unitNames(t) {
			if strings.Contains(string(data), "bugspark-"+name) || regexp.MustCompile(`\bin .*\b`+name+`\b`).Match(data) {
				t.Errorf("%s names the unit %s", script, name)
			}
		}
	}
}
