package alert

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Systemd asks the service manager by its own commands, which need no more than
// the account that runs them has.
type Systemd struct {
	Run func(ctx context.Context, name string, args ...string) ([]byte, error) // nil: run the command
}

// A question is asked so often, with a pause between.
const (
	attempts = 3
	pause    = time.Second
)

// answerTimeout is how long systemd may take: the state is locked meanwhile.
const answerTimeout = 10 * time.Second

func (s Systemd) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	run := s.Run
	if run == nil {
		run = func(ctx context.Context, name string, args ...string) ([]byte, error) {
			return exec.CommandContext(ctx, name, args...).Output()
		}
	}
	// While systemd reads its units anew, as for an apply, it may break a question off.
	for again := attempts; ; {
		out, err := run(ctx, name, args...)
		if again--; err == nil || again == 0 || ctx.Err() != nil {
			return out, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// State implements Units.
func (s Systemd) State(ctx context.Context, unit string) (UnitState, error) {
	out, err := s.run(ctx, "systemctl", "show", "--timestamp=unix", "--property=ActiveState,LoadState,InactiveExitTimestamp", "--", unit)
	if err != nil {
		return UnitState{}, fmt.Errorf("asking systemd for %s: %w", unit, err)
	}
	var st UnitState
	for l := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(l), "=")
		switch key {
		case "ActiveState":
			st.Active = value
		case "LoadState":
			st.Gone = value == "not-found"
		case "InactiveExitTimestamp": // @SECONDS; empty or @0 when it never ran
			if n, err := strconv.ParseInt(strings.TrimPrefix(value, "@"), 10, 64); err == nil && n > 0 {
				st.Started = time.Unix(n, 0)
			}
		}
	}
	if st.Active == "" {
		return UnitState{}, fmt.Errorf("asking systemd for %s: it did not say ActiveState", unit)
	}
	return st, nil
}

// Failed implements Units.
func (s Systemd) Failed(ctx context.Context) ([]string, error) {
	out, err := s.run(ctx, "systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager", "--", "bugspark*")
	if err != nil {
		return nil, fmt.Errorf("asking systemd which units failed: %w", err)
	}
	var units []string
	for l := range strings.Lines(string(out)) {
		if words := strings.Fields(l); len(words) > 0 {
			units = append(units, words[0])
		}
	}
	return units, nil
}

// lastLines is how many lines of its journal say why a unit failed.
const lastLines = "12"

// LastLines implements Units. Only the last run counts: what runs before it said of
// their success explains no failure.
func (s Systemd) LastLines(ctx context.Context, unit string) string {
	matches := []string{"_SYSTEMD_UNIT=" + unit}
	id, err := s.run(ctx, "systemctl", "show", "--property=InvocationID", "--value", "--", unit)
	if run := strings.TrimSpace(string(id)); err == nil && run != "" {
		// The second are systemd's own lines, all there is of a unit that could not start.
		matches = []string{"_SYSTEMD_INVOCATION_ID=" + run, "INVOCATION_ID=" + run}
	}
	for _, match := range matches {
		out, err := s.run(ctx, "journalctl", "--no-pager", "-q", "-o", "cat", "-n", lastLines, match)
		if err != nil {
			return fmt.Sprintf("(its journal cannot be read: %v)", err)
		}
		if text := strings.TrimSpace(string(out)); text != "" {
			return cut(errorFirst(text), longestText)
		}
	}
	return ""
}

// errorPrefix begins the error that a command of ours ends with.
const errorPrefix = "bugspark: "

// errorFirst puts the error before what was said until then.
func errorFirst(text string) string {
	at := strings.LastIndex("\n"+text, "\n"+errorPrefix)
	if at <= 0 {
		return text
	}
	return text[at:] + "\n" + strings.TrimRight(text[:at], "\n")
}
