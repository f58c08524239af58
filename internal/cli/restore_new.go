package cli

import (
	"context"
	"fmt"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// newConfig is the configuration of the set, for a machine without one.
func (x *restoration) newConfig() (config.Config, error) {
	data, ok := x.files["bugspark.yaml"]
	if !ok {
		return config.Config{}, fault.New(fault.Preflight, "run 'bugspark setup' first, then restore", "the set holds no configuration, and this machine has none")
	}
	// Backups go on where they were found, even if that was the copy.
	p := x.v.place
	for _, value := range [][2]string{{"target", p.Target}, {"endpoint", p.Endpoint}, {"region", p.Region}, {"host_key", p.HostKey}} {
		if value[1] == "" {
			continue
		}
		changed, err := setup.SetValue(data, "backup", value[0], value[1])
		if err != nil {
			return config.Config{}, err
		}
		data = changed
	}
	if p.copy {
		changed, err := setup.RemoveSection(data, "backup", "copy")
		if err != nil {
			return config.Config{}, err
		}
		data = changed
	}
	x.files["bugspark.yaml"] = data
	return config.Parse("bugspark.yaml of the set", data, x.env.Lookup)
}

// install puts configuration and secrets of the set, and the keys of the kit,
// into place, and starts the object store.
func (x *restoration) install(ctx context.Context) error {
	d := x.v.dirs
	x.say("put configuration and secrets into place")
	if err := x.putFiles(); err != nil {
		return err
	}
	if err := x.site.ApplyFiles(ctx); err != nil {
		return err
	}
	if err := x.v.adopted().claim(ctx, d, true); err != nil {
		return fmt.Errorf("taking the backup target over: %w", err)
	}
	if x.v.cfg.Storage.Engine == "minio" {
		x.say("start the object store")
		return x.Start(ctx, x.set.ProvidersOf("storage")...)
	}
	return nil
}
