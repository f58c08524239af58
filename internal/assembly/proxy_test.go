package assembly

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheConnectionsOfTheDocsAreOurs(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	if row := fmt.Sprintf("| connections in all, of both ports | %d,%03d;", maxConnections/1000, maxConnections%1000); !strings.Contains(string(data), row) {
		t.Errorf("docs/security.md does not say %q", row)
	}
}
