package alert

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/durable"
)

// update changes the state under its lock. The returned state holds the change
// even when it could not be read or stored, which the error says: a full disk or
// a damaged file must not keep an alert from being sent.
func (n *Notifier) update(ctx context.Context, change func(*state)) (state, error) {
	unlock, err := n.lock(ctx, "state.lock")
	if err != nil {
		var s state
		change(&s)
		return s, err
	}
	defer unlock()
	s, before, err := n.read()
	change(&s)
	for _, e := range s.forget(n.Channels, n.Now()) {
		n.Log.Warn("nobody could be told that a problem is over", "key", e.Key, "over", e.Over)
	}
	return s, errors.Join(err, n.write(s, before))
}

func (n *Notifier) stateFile() string { return filepath.Join(n.Dir, "problems.json") }

// read returns no problems for a file that is not there or is damaged. A damaged
// file is kept beside it.
func (n *Notifier) read() (s state, data []byte, err error) {
	data, err = os.ReadFile(n.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil, nil
	}
	if err != nil {
		return s, nil, fmt.Errorf("reading which problems are known: %w", err)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		n.Log.Warn("the list of known problems is damaged and starts anew", "file", n.stateFile(), "error", err)
		if err := os.Rename(n.stateFile(), n.stateFile()+".damaged"); err != nil {
			n.Log.Warn("the damaged list cannot be kept", "error", err)
		}
		return state{}, nil, nil
	}
	var whole []*episode
	for _, e := range s.Problems {
		if e == nil || e.Key == "" {
			continue // valid JSON, but nothing of ours
		}
		if e.Sent == nil {
			e.Sent = map[string]*delivery{}
		}
		whole = append(whole, e)
	}
	s.Problems = whole
	return s, data, nil
}

// write leaves a file alone that says the same already.
func (n *Notifier) write(s state, before []byte) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if bytes.Equal(data, before) {
		return nil
	}
	if err := durable.WriteFile(n.stateFile(), data, 0o600); err != nil {
		return fmt.Errorf("remembering the problems: %w", err)
	}
	return nil
}

// lock waits for a lock until the context ends. The kernel drops it with the
// process.
func (n *Notifier) lock(ctx context.Context, name string) (unlock func(), err error) {
	unlock, err = durable.Lock(ctx, filepath.Join(n.Dir, name))
	if err != nil {
		return nil, fmt.Errorf("locking the list of problems: %w", err)
	}
	return unlock, nil
}
