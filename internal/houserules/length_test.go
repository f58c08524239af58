package houserules

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// tracked is every file of the repository whose name ends in one of ext.
func tracked(t *testing.T, ext ...string) []string {
	t.Helper()
	root := filepath.Join("..", "..")
	out, err := exec.Command("git", "-C", root, "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Fatalf("listing the files: %v", err)
	}
	var files []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			continue // deleted, not committed yet
		}
		for _, e := range ext {
			if path.Ext(name) == e {
				files = append(files, name)
			}
		}
	}
	if len(files) < 10 {
		t.Fatalf("only %d files were found", len(files))
	}
	return files
}

func lines(t *testing.T, name string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(data, []byte("\n"))
}

// A file is read whole by whoever changes it; style sheets are looked up by
// selector and may be longer.
func TestNoFileIsTooLong(t *testing.T) {
	for _, name := range tracked(t, ".go", ".ts", ".tsx", ".mjs", ".sh", ".css") {
		limit := 400
		if path.Ext(name) == ".css" {
			limit = 600
		}
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/test/") {
			continue
		}
		if n := lines(t, name); n > limit {
			t.Errorf("%s has %d lines, the limit is %d: split it by subject", name, n, limit)
		}
	}
}
