package houserules

import (
	"go/ast"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			documented[s.pkg] = documented[s.pkg] || (s.file.Doc != nil && len(s.file.Doc.Text()) > 20)
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

func TestPackagesAreNamedByNoun(t *testing.T) {
	banned := regexp.MustCompile(`^(utils?|commons?|helpers?|models?|misc|shared|base|types)$`)
	for _, s := range sources(t) {
		if banned.MatchString(s.file.Name.Name) {
			t.Errorf("%s: package %s says nothing", s.path, s.file.Name.Name)
		}
	}
}

// Only main ends the process, only slog logs, and nothing registers itself.
func TestForbiddenCalls(t *testing.T) {
	forbidden := map[string]string{
		"os.Exit": "only cmd/*/main.go ends the process", "log.Fatal": "use an error", "log.Fatalf": "use an error",
		"log.Print": "use slog", "log.Printf": "use slog", "log.Println": "use slog",
		"slog.SetDefault": "hand the logger on", "fmt.Print": "write to the injected writer",
		"fmt.Println": "write to the injected writer", "fmt.Printf": "write to the injected writer",
	}
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.path, "cmd/") {
			continue
		}
		mainProgram := s.file.Name.Name == "main"
		ast.Inspect(s.file, func(n ast.Node) bool {
			// kopia's registry of storages is a map of the process without a lock, so
			// only its start can add to it.
			registers := s.path == "internal/backup/repository/storage.go"
			if f, ok := n.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !registers {
				t.Errorf("%s has an init function: build values in a constructor", s.path)
			}
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil {
				return true
			}
			if why, bad := forbidden[pkg.Name+"."+sel.Sel.Name]; bad && !mainProgram {
				t.Errorf("%s calls %s.%s: %s", s.path, pkg.Name, sel.Sel.Name, why)
			}
			return true
		})
	}
}

// Package variables are state unless they are errors, patterns, embedded files,
// interface assertions, or set by the linker. Packages that only tests import
// may share a server between tests: package testing has no other place for it.
func TestNoPackageState(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasSuffix(s.file.Name.Name, "test") {
			continue
		}
		for _, decl := range s.file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			embedded := gen.Doc != nil && strings.Contains(commentText(gen.Doc), "go:embed")
			for _, spec := range gen.Specs {
				v := spec.(*ast.ValueSpec)
				for _, name := range v.Names {
					if name.Name == "_" || embedded || allowedValue(v) || strings.HasPrefix(name.Name, "Err") ||
						strings.HasPrefix(name.Name, "err") || (s.pkg == "internal/cli" && (name.Name == "Version" || name.Name == "Built")) {
						continue
					}
					t.Errorf("%s: package variable %s: hand it on as a value", s.path, name.Name)
				}
			}
		}
	}
}

func commentText(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		b.WriteString(c.Text)
	}
	return b.String()
}

func allowedValue(v *ast.ValueSpec) bool {
	if len(v.Values) == 0 {
		sel, ok := v.Type.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "FS" // embed.FS, its directive belongs to the spec
	}
	call, ok := v.Values[0].(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	return ok && (strings.HasPrefix(sel.Sel.Name, "MustCompile") || sel.Sel.Name == "MustParsePrefix")
}

func TestTheModuleReplacesNothing(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`(?m)^\s*replace\b`).Match(data) {
		t.Error("go.mod replaces a module: a customer's build must be what the module's authors published")
	}
}

// The repository is made of the product: no tracked file may be a build
// product or name a workplace.
func TestOnlySourcesAreTracked(t *testing.T) {
	out, err := exec.Command("git", "-C", filepath.Join("..", ".."), "ls-files").Output()
	if err != nil {
		t.Fatalf("listing tracked files: %v", err)
	}
	bad := regexp.MustCompile(`(^|/)(node_modules|bin|\.cache)/|\.(deb|rpm|test|out)$`)
	allowed := regexp.MustCompile(`^(cmd|internal|packaging|systemd|migrations|docs|\.ci)/|^(go\.(mod|sum)|nfpm\.yaml|README\.md|CHANGELOG\.md|CONTRIBUTING\.md|LICENSE|Makefile|\.[a-z.-]+(\.ya?ml)?)$`)
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		if bad.MatchString(path) || !allowed.MatchString(path) {
			t.Errorf("%s does not belong into the repository", path)
		}
	}
}

// A log that a command makes for itself does not obey log.level, which has
// happened to the dashboard and the supervisor.
func TestOnlyAssemblyMakesALog(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.pkg == "internal/assembly" || s.file.Name.Name == "main" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "slog" && (sel.Sel.Name == "NewTextHandler" || sel.Sel.Name == "NewJSONHandler") {
				t.Errorf("%s makes a log of its own: take the one that assembly hands on", s.path)
			}
			return true
		})
	}
}
