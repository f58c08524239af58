package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bugspark/bugspark/internal/cli"
)

// testNames are the tests of the repository, and the documents that may name them. A
// script is a test as well: TestScripts/plan.
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
		case filepath.Base(filepath.Dir(path)) == "testdata" && filepath.Ext(path) == ".txt":
			tests["TestScripts/"+strings.TrimSuffix(e.Name(), ".txt")] = true
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
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Z][\\w/]+)`")
	count := 0
	for _, path := range documents {
		for _, m := range named.FindAllStringSubmatch(read(t, path), -1) {
			if count++; !tests[m[1]] {
				t.Errorf("%s names %s, and there is no such test", path, m[1])
			}
		}
	}
	if count < 200 {
		t.Errorf("documents name %d tests: the search does not work", count)
	}
}

// promise is a line of docs/promises.md.
type promise struct{ document, quotation string }

// promises reads docs/promises.md: what keeps a promise is a list of tests or, in
// parentheses, why there is none.
func promises(t *testing.T) []promise {
	t.Helper()
	const test = "`(?:Test|Fuzz)[\\w/]+`"
	heading := regexp.MustCompile(`^## \[(\S+)\]`)
	line := regexp.MustCompile(`^\| (.*) \| (?:` + test + `(?:, ` + test + `)*|\([^()]+\)) \|$`)
	var all []promise
	document := ""
	for l := range strings.Lines(read(t, filepath.Join("..", "..", "docs", "promises.md"))) {
		l = strings.TrimRight(l, "\n")
		if m := heading.FindStringSubmatch(l); m != nil {
			document = m[1]
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
		all = append(all, promise{document, words(strings.ReplaceAll(m[1], `\|`, "|"))})
	}
	return all
}

// prose is what may promise something: the documents, with or without their code and
// headings, the comments of the units, and what the commands say of themselves.
func prose(t *testing.T, without *regexp.Regexp) map[string]string {
	t.Helper()
	texts := map[string]string{"help": help(), "systemd": unitComments(t)}
	documents, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(documents, filepath.Join("..", "..", "README.md")) {
		if filepath.Base(path) != "promises.md" {
			texts[strings.TrimPrefix(filepath.ToSlash(path), "../../")] = words(without.ReplaceAllString(read(t, path), ""))
		}
	}
	return texts
}

func help() string {
	var b strings.Builder
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		b.WriteString(c.Long + "\n")
		c.Flags().VisitAll(func(f *pflag.Flag) { b.WriteString(f.Usage + "\n") })
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(cli.New(cli.Env{Lookup: func(string) (string, bool) { return "", false }, Stdin: strings.NewReader(""), Stdout: &strings.Builder{}, Stderr: &strings.Builder{}}))
	return words(b.String())
}

func unitComments(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join("..", "..", "systemd"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) == ".go" {
			return err
		}
		for l := range strings.Lines(read(t, path)) {
			if text, is := strings.CutPrefix(l, "#"); is {
				b.WriteString(text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return words(b.String())
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestPromisesStandWhereTheyAreQuoted keeps docs/promises.md true to the documents.
func TestPromisesStandWhereTheyAreQuoted(t *testing.T) {
	texts := prose(t, regexp.MustCompile(`^$`))
	for _, p := range promises(t) {
		if !strings.Contains(texts[p.document], p.quotation) {
			t.Errorf("%s does not say any more: %s", p.document, p.quotation)
		}
	}
}

// TestNoPromiseIsUnlisted finds the words by which a sentence promises something.
func TestNoPromiseIsUnlisted(t *testing.T) {
	promising := regexp.MustCompile(`(?i)\b(never|always|nothing|refused?s?|at most|cannot|may not|no other)\b`)
	listed := promises(t)
	code := regexp.MustCompile("(?ms)^```.*?^```|^(?:#|    ).*?$")
	for document, text := range prose(t, code) {
		var covered [][2]int
		for _, p := range listed {
			if p.document != document {
				continue
			}
			for from := 0; ; {
				at := strings.Index(text[from:], p.quotation)
				if at < 0 {
					break
				}
				from += at + len(p.quotation)
				covered = append(covered, [2]int{from - len(p.quotation), from})
			}
		}
		for _, at := range promising.FindAllStringIndex(text, -1) {
			if !slices.ContainsFunc(covered, func(c [2]int) bool { return c[0] <= at[0] && at[1] <= c[1] }) {
				t.Errorf("%s promises something that docs/promises.md does not list: …%s…", document, text[max(0, at[0]-80):min(len(text), at[1]+80)])
			}
		}
	}
}
