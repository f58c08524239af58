package restore

import (
	"context"
	"errors"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
)

// What a set names is reached only after somebody has agreed to it.
func TestANewMachineIsAgreedToBeforeAnythingIsReached(t *testing.T) {
	no := errors.New("no")
	asked, opened := 0, 0
	r := &Restorer{Open: func(context.Context, config.Config) (Machine, error) { opened++; return nil, nil }}
	q := Request{Agree: func(*Plan) error { asked++; return no }}
	if err := (&Plan{r: r, NewMachine: true}).open(t.Context(), q); !errors.Is(err, no) || opened != 0 {
		t.Errorf("a refusal: %v, opened %d times", err, opened)
	}
	if err := (&Plan{r: r}).open(t.Context(), q); err != nil || asked != 1 || opened != 1 {
		t.Errorf("a machine that is set up is asked %d times and opened %d times: %v", asked, opened, err)
	}
	if err := (&Plan{r: r, NewMachine: true}).open(t.Context(), Request{}); err != nil || opened != 2 {
		t.Errorf("opened %d times: %v", opened, err)
	}
}

func TestWhatPreparationsReach(t *testing.T) {
	for what, change := range map[string]func(*config.Config){
		"database": func(c *config.Config) { c.Database.Mode = "external" },
		"storage":  func(c *config.Config) { c.Storage.Engine = "s3" },
		"tls":      func(c *config.Config) { c.TLS.Mode = "files" },
	} {
		p := &Plan{NewMachine: true}
		p.Config.Database.Mode, p.Config.Storage.Engine = "managed", "minio"
		if p.Reaches() {
			t.Error("a machine of its own reaches something")
		}
		if change(&p.Config); !p.Reaches() {
			t.Errorf("%s: it reaches nothing", what)
		}
	}
}
