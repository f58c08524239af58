package systemd

import (
	"context"

	"github.com/coreos/go-systemd/v22/dbus"
)

// bus is what the manager calls of systemd's D-Bus interface; *dbus.Conn has it.
// Tests put their own answers in its place, because a machine's systemd cannot be
// asked to fail in a certain way.
type bus interface {
	Close()
	GetManagerProperty(name string) (string, error)
	ReloadContext(ctx context.Context) error
	GetUnitPropertyContext(ctx context.Context, unit, property string) (*dbus.Property, error)
	GetAllPropertiesContext(ctx context.Context, unit string) (map[string]any, error)
	ListUnitsByPatternsContext(ctx context.Context, states, patterns []string) ([]dbus.UnitStatus, error)
	ResetFailedUnitContext(ctx context.Context, unit string) error
	EnableUnitFilesContext(ctx context.Context, files []string, runtime, force bool) (bool, []dbus.EnableUnitFileChange, error)
	DisableUnitFilesContext(ctx context.Context, files []string, runtime bool) ([]dbus.DisableUnitFileChange, error)
	StartUnitContext(ctx context.Context, unit, mode string, done chan<- string) (int, error)
	RestartUnitContext(ctx context.Context, unit, mode string, done chan<- string) (int, error)
	ReloadUnitContext(ctx context.Context, unit, mode string, done chan<- string) (int, error)
	StopUnitContext(ctx context.Context, unit, mode string, done chan<- string) (int, error)
}
