package unit_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of units in docs/architecture.md names every service with its account and
// the command it runs.
func TestTheTableOfUnitsIsRight(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(bugspark[^`]*\\.service)` \\| ([^|]*) \\| ([^|]*) \\|").FindAllStringSubmatch(string(data), -1)
	used := map[string]bool{}
	for _, u := range shipped(t).Services() {
		found := false
		for _, row := range rows {
			match, err := path.Match(row[1], u.Name)
			if err != nil || !match {
				continue
			}
			found, used[row[1]] = true, true
			if account := strings.Trim(row[2], "`"); account != u.Service.User {
				t.Errorf("the table says that %s runs as %s, it is %s", u.Name, account, u.Service.User)
			}
			if command := u.Service.ExecStart; !strings.Contains(row[3], "`bugspark "+command[1]) {
				t.Errorf("the table says that %s runs %s, it is %v", u.Name, row[3], command)
			}
		}
		if !found {
			t.Errorf("the table has no row for %s", u.Name)
		}
	}
	for _, row := range rows {
		if !used[row[1]] {
			t.Errorf("the table has %s, which is not shipped", row[1])
		}
	}
}

func TestEveryKeyOfOursIsExplained(t *testing.T) {
	code, err := os.ReadFile("deployment.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := regexp.MustCompile(`\tcase "([A-Z][a-z]+)":`).FindAllStringSubmatch(string(code), -1)
	if len(keys) != 11 {
		t.Fatalf("%d keys were found", len(keys))
	}
	for _, file := range []string{"unit.go", filepath.Join("..", "..", "..", "docs", "architecture.md")} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			if !regexp.MustCompile("(?m)^(//\t|\\| `)" + key[1] + "=").Match(text) {
				t.Errorf("%s does not explain %s=", file, key[1])
			}
		}
	}
}
