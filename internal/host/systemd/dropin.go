package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/bugspark/bugspark/internal/durable"
)

// dropInName is the file of ours beside whatever drop-ins an administrator has.
const dropInName = "50-bugspark.conf"

func (m *Manager) dropInPath(name string) string {
	return filepath.Join(m.etc, name+".d", dropInName)
}

// DropIn returns the content of our drop-in for the unit, "" if there is none.
func (m *Manager) DropIn(name string) (string, error) {
	data, err := os.ReadFile(m.dropInPath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the drop-in of %s: %w", name, err)
	}
	return string(data), nil
}

// WriteDropIn replaces our drop-in for the unit, or removes it when content is
// empty, and reloads systemd.
func (m *Manager) WriteDropIn(ctx context.Context, name, content string) error {
	path := m.dropInPath(name)
	if content == "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the drop-in of %s: %w", name, err)
		}
		// The directory goes too, unless somebody else keeps a drop-in there.
		if err := os.Remove(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			return fmt.Errorf("removing the drop-in directory of %s: %w", name, err)
		}
		return m.reload(ctx)
	}
	if err := writeFile(path, []byte(content)); err != nil {
		return fmt.Errorf("writing the drop-in of %s: %w", name, err)
	}
	return m.reload(ctx)
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return err
	}
	// The directory may be new as well.
	return durable.SyncDir(filepath.Dir(filepath.Dir(path)))
}
