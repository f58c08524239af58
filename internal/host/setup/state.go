package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
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

// inputs hashes, per service, the settings and secrets it was started with. A
// service whose hash differs from the applied one runs with old values.
func (s *Site) inputs() (map[string]string, error) {
	c := s.Config
	uses := []struct {
		unit        string
		sections    []any
		credentials []string
	}{
		{"bugspark-postgres.service", []any{c.Database}, nil},
		{"bugspark-minio.service", []any{c.Storage.MinIOBinary}, []string{"storage-access-key", "storage-secret-key"}},
		{"bugspark-storage.service", []any{c.Storage.Bucket, c.Log}, nil},
		{"bugspark-migrate.service", []any{c.Database.Mode}, []string{"database-dsn"}},
		{"bugspark-api.service", []any{c.Server, c.Database, c.Storage, c.Accounts, c.Limits, c.Log},
			[]string{"secret-key", "storage-access-key", "storage-secret-key", "database-dsn"}},
		{"bugspark-dashboard.service", []any{c.Server, c.Log}, nil},
		{"bugspark-proxy.service", []any{c.Server, c.TLS, c.Proxy, c.Log}, []string{"internal-ca"}},
		{"bugspark-supervisor.service", []any{c.Log}, nil},
		{"bugspark-walstream.service", []any{c.Backup.SpoolMiB, c.Database.Mode, c.Log}, []string{"database-dsn", "replication-dsn"}},
		{"bugspark-walship.service", []any{c.Backup.BackupTarget, c.Database.Mode, c.Storage, c.Log},
			[]string{"archive-recipient", "database-dsn", "storage-access-key", "storage-secret-key", "backup-access-key", "backup-secret-key", "backup-ssh-key"}},
	}
	out := map[string]string{}
	for _, u := range uses {
		h := sha256.New()
		if err := json.NewEncoder(h).Encode(u.sections); err != nil {
			return nil, err
		}
		for _, name := range u.credentials {
			secret, err := os.ReadFile(s.Dirs.CredentialFile(name))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("reading credential %s: %w", name, err)
			}
			fmt.Fprintf(h, "%s %d\n%s\n", name, len(secret), secret)
		}
		out[u.unit] = hex.EncodeToString(h.Sum(nil))
	}
	return out, nil
}
