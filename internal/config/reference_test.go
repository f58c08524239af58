package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

func TestTheReferenceInTheDocsIsFresh(t *testing.T) {
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := config.WriteReference(&want, set.Readers); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("docs/configuration.md is stale: run 'go run ./cmd/bugspark config reference >docs/configuration.md'")
	}
}
