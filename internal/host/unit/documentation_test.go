package unit_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// The table of units in docs/architecture.md names every service with its account, the
// command it runs, its sockets and its credentials.
func TestTheTableOfUnitsIsRight(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `(bugspark[^`]*\\.service)` \\| ([^|]*) \\| ([^|]*) \\| ([^|]*) \\| ([^|]*) \\|").FindAllStringSubmatch(string(data), -1)
	used := map[string]bool{}
	secret := map[string]bool{}
	for _, c := range config.Credentials() {
		secret[c.Name] = true
	}
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
			for _, s := range shipped(t).SocketsOf(u.Name) {
				if !strings.Contains(row[4], "(`"+s.Socket.Name+"`") {
					t.Errorf("the table does not say that %s listens on %s", u.Name, s.Socket.Name)
				}
			}
			var named, loaded []string
			for _, word := range regexp.MustCompile("`[^`]+`").FindAllString(row[5], -1) {
				if word = strings.Trim(word, "`"); secret[word] {
					named = append(named, word)
				}
			}
			for _, c := range u.Service.Credentials {
				loaded = append(loaded, c.Name)
				// The services of the backups have too many for the table.
				if u.Service.User != "bugspark-backup" && !slices.Contains(named, c.Name) {
					t.Errorf("the table does not say that %s has %s", u.Name, c.Name)
				}
			}
			for _, name := range named {
				if !slices.Contains(loaded, name) {
					t.Errorf("the table says that %s has %s, which is not handed to it", u.Name, name)
				}
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
