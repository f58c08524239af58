package houserules

import (
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// commands are the programs that a remedy may begin with, beside our own.
const commands = `systemctl|journalctl|apt|openssl|cp|mv|mkdir|mount|df|timedatectl|sudo|dnf|install|gpg|tar|age|chmod 0700`

// verbs are the words that an edit may begin with; what is edited follows. They are for
// files and settings of ours, flags of the command, and what only people can do.
const verbs = `set|write|add|give|correct|take|name|choose|stop|start|use|free|get|put|run|type|make|ask|remove|move|mount|wait|print|install|allow|keep|look at|compare|check|unset|raise|lower|restore|send|turn|let|edit|read|end|ask`

// TestEveryRemedyCanBeFollowed reads every fault of the source. What stands behind "next:"
// begins with a command that exists, or with a verb and what it is about; it touches
// nothing that is not ours; and a fault that tells an administrator of an action has one.
func TestEveryRemedyCanBeFollowed(t *testing.T) {
	form := regexp.MustCompile(`^('?(bugspark|` + commands + `)\b|(` + verbs + `)( |$))`)
	foreign := regexp.MustCompile(`\b(chgrp|chown|setfacl|rm|userdel)\b|\bchmod\b.*%s|/etc/ssl`)
	// Written before this rule, in parts that change at the moment; none may be added.
	older := []string{
		"to go on from the archive: bugspark restore", "it has a line that begins with ", "find out why; if the server was replaced", "find it with lslocks",
		"look whether it is there, and at ", "look whether the target is full or read-only; 'bugspark apply' gives", "if it waited for confirm or undo: sed", "run it as root; if that is what you did: chown ",
	}
	count := 0
	for _, s := range sources(t) {
		if s.test || !below(s.pkg, "internal") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 3 {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Name != "fault" {
				return true
			}
			at := map[string]int{"New": 1, "Wrap": 2}[sel.Sel.Name]
			if at == 0 {
				return true
			}
			text, known := beginning(call.Args[at])
			if !known || text == "" {
				return true
			}
			count++
			if slices.ContainsFunc(older, func(beginning string) bool { return strings.HasPrefix(text, beginning) }) {
				return true
			}
			if !form.MatchString(text) {
				t.Errorf("%s: next: %q begins neither with a command nor with a verb of the list", s.path, text)
			}
			if foreign.MatchString(whole(call.Args[at])) {
				t.Errorf("%s: next: %q may touch what is not ours", s.path, whole(call.Args[at]))
			}
			return true
		})
	}
	if count < 100 {
		t.Errorf("only %d remedies were found", count)
	}
}

// beginning is the text that an expression begins with, where the source tells.
func beginning(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, err := strconv.Unquote(e.Value)
			return text, err == nil
		}
	case *ast.BinaryExpr:
		return beginning(e.X)
	case *ast.CallExpr:
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			return beginning(e.Args[0])
		}
	}
	return "", false
}

// whole are all texts of an expression.
func whole(e ast.Expr) string {
	var out strings.Builder
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil {
				out.WriteString(text)
			}
		}
		return true
	})
	return out.String()
}
