package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Applied is what the last successful apply left running. It answers which
// units a changed setting or secret concerns, and it is the way back.
type Applied struct {
	Config   string            `json:"config"`   // bugspark.yaml as it was applied
	Inputs   map[string]string `json:"inputs"`   // unit -> hash of the settings and secrets it runs with
	Finished bool              `json:"finished"` // false while a first setup is under way
}

func stateFile(d config.Dirs) string { return filepath.Join(d.State, "setup", "applied.json") }

// ReadApplied returns the last applied state, the zero value before the first.
func ReadApplied(d config.Dirs) (Applied, error) {
	var a Applied
	data, err := os.ReadFile(stateFile(d))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return a, fault.Wrap(fault.Preflight, err, "run the command as root", "reading what was applied")
	}
	if err != nil {
		return a, fmt.Errorf("reading what was applied: %w", err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("reading what was applied: %s: %w", stateFile(d), err)
	}
	return a, nil
}

// Write stores the state durably.
func (a Applied) Write(d config.Dirs) error {
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(stateFile(d)), 0o700); err != nil {
		return fmt.Errorf("making directory: %w", err)
	}
	return durable.WriteFile(stateFile(d), append(data, '\n'), 0o600)
}

// underWay is in the place of a unit's hash while an apply changes what it runs with.
const underWay = "under way"

// begin notes what may run with other values than before from now on: units whose hash
// differs, and those that the steps restart, since nobody can see any more that the drop-in
// is newer than what runs once it is written. An apply that is killed leaves the note, and
// whatever is applied next, even what was applied before, restarts what it names.
func (c *Converger) begin(steps []step) error {
	a, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return err
	}
	inputs, err := c.inputs()
	if err != nil {
		return err
	}
	noted := maps.Clone(a.Inputs)
	if noted == nil {
		noted = map[string]string{}
	}
	for unit, hash := range inputs {
		if a.Inputs[unit] != hash {
			noted[unit] = underWay
		}
	}
	for _, s := range steps {
		if s.change.Action == "restart" {
			noted[s.change.What] = underWay
		}
	}
	if maps.Equal(noted, a.Inputs) {
		return nil
	}
	a.Inputs = noted
	return a.Write(c.Site.Dirs)
}

// inputs hashes, per service, the settings and secrets it was started with. A
// service whose hash differs from the applied one runs with old values.
func (c *Converger) inputs() (map[string]string, error) {
	out := map[string]string{}
	for _, u := range c.Set.Services() {
		if len(u.Deployment.Inputs) == 0 {
			continue // started anew for each job
		}
		h := sha256.New()
		for _, input := range u.Deployment.Inputs {
			for _, key := range config.Declared(input) {
				value, _ := c.Site.Config.Value(key)
				fmt.Fprintf(h, "%s=%q\n", key, fmt.Sprint(value))
			}
		}
		for _, credential := range u.Service.Credentials {
			secret, err := os.ReadFile(c.Site.Dirs.CredentialFile(credential.Name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("reading credential %s: %w", credential.Name, err)
			}
			fmt.Fprintf(h, "%s %d\n%s\n", credential.Name, len(secret), secret)
		}
		out[u.Name] = hex.EncodeToString(h.Sum(nil))
	}
	return out, nil
}
