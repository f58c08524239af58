package houserules

import (
	"go/ast"
	"regexp"
	"testing"
)

// docs/architecture.md may draw the product as a house. In the code a reader
// needs the words of Go: package and layer.
func TestNamesAndCommentsSpeakOfPackages(t *testing.T) {
	// "Room" alone is allowed: it is plain English for free space on a disk.
	name := regexp.MustCompile(`(^|[a-z0-9])((Wing|Hall|Floor)s?|Rooms)($|[A-Z0-9])|^((wing|hall|floor)s?|rooms)($|[A-Z0-9])`)
	comment := regexp.MustCompile(`(?i)\b(wings?|halls?|ground floor|rooms)\b|\b(every|each|other|another) room\b`)
	for _, s := range sources(t) {
		if s.pkg == "internal/houserules" {
			continue
		}
		for _, group := range s.file.Comments {
			if word := comment.FindString(group.Text()); word != "" {
				t.Errorf("%s: a comment says %q: say package or layer", s.path, word)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, ok := n.(*ast.SelectorExpr); ok {
				return false // its name is declared elsewhere, such as math.Floor
			}
			if id, ok := n.(*ast.Ident); ok && name.MatchString(id.Name) {
				t.Errorf("%s: the name %s: say package or layer", s.path, id.Name)
			}
			return true
		})
	}
}
