package houserules

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testNames are the tests of the repository, and the documents that may name them.
func testNames(t *testing.T) (tests map[string]bool, documents []string) {
	t.Helper()
	tests = map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, e os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "node_modules" || e.Name() == ".git" || e.Name() == ".cache"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			documents = append(documents, path)
		case strings.HasSuffix(path, "_test.go"):
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range declared.FindAllStringSubmatch(string(data), -1) {
				tests[m[1]] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, documents
}

func TestTheTestsThatDocumentsNameExist(t *testing.T) {
	tests, documents := testNames(t)
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w+)`")
	count := 0
	for _, path := range documents {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(data), -1) {
			if count++; !tests[m[1]] {
				t.Errorf("%s names %s, and there is no such test", path, m[1])
			}
		}
	}
	if count < 200 {
		t.Errorf("documents name %d tests: the search does not work", count)
	}
}

// TestPromisesStandWhereTheyAreQuoted keeps docs/promises.md true to the documents.
func TestPromisesStandWhereTheyAreQuoted(t *testing.T) {
	words := func(path string) string {
		data, err := os.ReadFile(filepath.Join(filepath.Join("..", ".."), path))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(data)), " ")
	}
	data, err := os.ReadFile(filepath.Join(filepath.Join("..", ".."), "docs", "promises.md"))
	if err != nil {
		t.Fatal(err)
	}
	var document, text string
	quoted := map[string]int{}
	heading := regexp.MustCompile(`^## \[(\S+)\]`)
	line := regexp.MustCompile("^\\| (.*) \\| (`(?:Test|Fuzz)\\w+`(?:, `(?:Test|Fuzz)\\w+`)*) \\|$")
	for l := range strings.Lines(string(data)) {
		l = strings.TrimRight(l, "\n")
		if m := heading.FindStringSubmatch(l); m != nil {
			document, text = m[1], words(m[1])
			continue
		}
		if !strings.HasPrefix(l, "| ") || l == "| promise | kept by |" || strings.HasPrefix(l, "| ---") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("no promise with its tests: %s", l)
			continue
		}
		if quoted[document]++; !strings.Contains(text, strings.Join(strings.Fields(m[1]), " ")) {
			t.Errorf("%s does not say any more: %s", document, m[1])
		}
	}
	for _, document := range []string{"README.md", "docs/installation.md", "docs/security.md", "docs/backups.md", "docs/troubleshooting.md"} {
		if quoted[document] < 5 {
			t.Errorf("%s: %d promises", document, quoted[document])
		}
	}
}
