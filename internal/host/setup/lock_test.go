package setup_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func TestOneProcessAtATimeChangesTheMachine(t *testing.T) {
	d := config.Dirs{State: t.TempDir()}
	first, err := setup.Lock(t.Context(), d, func(what string) { t.Errorf("nobody is there, and it waits for %s", what) })
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	second := make(chan error, 1)
	go func() {
		unlock, err := setup.Lock(t.Context(), d, func(what string) { said <- what })
		if err == nil {
			unlock()
		}
		second <- err
	}()
	if what := <-said; !strings.Contains(what, "restore") {
		t.Errorf("it waits for %s", what)
	}
	select {
	case err := <-second:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := setup.Lock(ctx, d, func(string) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	first()
	if err := <-second; err != nil {
		t.Error(err)
	}
}
