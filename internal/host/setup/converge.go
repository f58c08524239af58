package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// Units is what setup asks of the service manager.
type Units interface {
	Enabled(ctx context.Context, unit string) (bool, error)
	SetEnabled(ctx context.Context, on bool, units ...string) error
	Active(ctx context.Context, unit string) (bool, error)
	// Start starts units in the order of their dependencies and waits until each
	// is ready; the error says which one failed and why.
	Start(ctx context.Context, units ...string) error
	Restart(ctx context.Context, units ...string) error
	Stop(ctx context.Context, units ...string) error
	// DropIn returns the content of our drop-in for unit, "" if there is none.
	DropIn(unit string) (string, error)
	// WriteDropIn replaces it ("" removes it) and reloads the manager.
	WriteDropIn(ctx context.Context, unit, content string) error
}

// Converger brings a machine to the state its configuration asks for.
type Converger struct {
	Site    *Site
	Units   Units
	Healthy func(context.Context) error // proves that the whole stack answers
	Report  func(Change)                // told of each change as it is made
}

// Selected lists the units the configuration calls for, and those it does not.
// Backups run by the clock only once somebody has said that the recovery kit is
// in a safe place: a set that nobody can read is no backup.
func Selected(c config.Config, kitConfirmed bool) (on, off []string) {
	optional := func(wanted bool, units ...string) {
		if wanted {
			on = append(on, units...)
		} else {
			off = append(off, units...)
		}
	}
	optional(c.Database.Mode == "managed", "bugspark-postgres.service")
	optional(c.Storage.Engine == "minio", "bugspark-minio.service", "bugspark-storage.socket", "bugspark-storage.service")
	backups := c.Backup.Target != "" && kitConfirmed
	// The path comes first: the receiver asks for the first set as soon as it runs.
	optional(backups, "bugspark-backup.path")
	optional(backups && c.Streams(), "bugspark-walstream.service", "bugspark-walship.service")
	optional(backups && c.Backup.Copy.Target != "", "bugspark-backup-copy.timer")
	optional(backups, "bugspark-backup.timer", "bugspark-backup-prune.timer", "bugspark-backup-verify.timer", "bugspark-backup-drill.timer", "bugspark-backup-check.timer")
	on = append(on,
		"bugspark-migrate.service",
		"bugspark-supervisor.socket",
		"bugspark-api.socket", "bugspark-api.service",
		"bugspark-dashboard.socket", "bugspark-dashboard.service",
		"bugspark-proxy-http.socket", "bugspark-proxy-https.socket", "bugspark-proxy.service",
		"bugspark.target")
	return on, off
}

// dropIns are the per-site values that only a unit can carry: ports, the
// directory of the backups, schedules.
func (s *Site) dropIns() map[string]string {
	port := func(n, usual int) string {
		if n == usual {
			return ""
		}
		return fmt.Sprintf("# Written by 'bugspark apply' from server.http_port and server.https_port.\n[Socket]\nListenStream=\nListenStream=%d\n", n)
	}
	out := map[string]string{
		"bugspark-proxy-http.socket":  port(s.Config.Server.HTTPPort, 80),
		"bugspark-proxy-https.socket": port(s.Config.Server.HTTPSPort, 443),
	}
	b := s.Config.Backup
	// What is saved may be elsewhere as well as where it is saved to.
	sources := s.Config.Database.Mode == "external" || s.Config.Storage.Engine == "s3"
	for _, name := range []string{"walship", "backup"} {
		out["bugspark-"+name+".service"] = reach(sources, b.BackupTarget)
	}
	if t := s.Config.TLS; t.Mode == "files" {
		// A set holds them, but only the proxy may read the key.
		out["bugspark-backup.service"] += fmt.Sprintf("[Service]\nLoadCredential=tls-certificate:%s\nLoadCredential=tls-key:%s\nSetCredential=tls-certificate:%[3]s\nSetCredential=tls-key:%[3]s\n",
			t.Certificate, t.Key, backup.NoFile)
	}
	out["bugspark-walstream.service"] = reach(s.Config.Database.Mode == "external")
	for _, name := range []string{"backup-prune", "backup-verify", "backup-drill"} {
		out["bugspark-"+name+".service"] = reach(false, b.BackupTarget)
	}
	for _, name := range []string{"backup-copy", "backup-check"} {
		out["bugspark-"+name+".service"] = reach(false, b.BackupTarget, b.Copy.BackupTarget)
	}
	calendar := func(setting, value string) string {
		if config.IsDefault(setting, value) {
			return ""
		}
		return fmt.Sprintf("# Written by 'bugspark apply' from %s.\n[Timer]\nOnCalendar=\nOnCalendar=%s\n", setting, value)
	}
	out["bugspark-backup.timer"] = calendar("backup.schedule", b.Schedule)
	if !s.Config.Streams() && config.IsDefault("backup.schedule", b.Schedule) {
		// What comes between two sets is saved by nobody.
		out["bugspark-backup.timer"] = "# Written by 'bugspark apply': your database has no backups of ours but these.\n[Timer]\nOnCalendar=\nOnCalendar=*-*-* 02/4:15\n"
	}
	out["bugspark-backup-copy.timer"] = calendar("backup.copy.schedule", b.Copy.Schedule)
	out["bugspark-backup-drill.timer"] = calendar("backup.drill_schedule", b.DrillSchedule)
	return out
}

// reach is what lets a unit reach targets: the directory, or the network, without
// which it otherwise runs.
func reach(far bool, places ...config.BackupTarget) string {
	directories := ""
	for _, p := range places {
		l, err := p.Locate()
		switch {
		case err != nil || l.Kind == "":
		case l.Kind == "directory":
			// With the dash a mount that is away is ours to report, in plain words.
			directories += fmt.Sprintf("ReadWritePaths=-%s\n", l.Path)
		default:
			far = true
		}
	}
	if far {
		directories += "PrivateNetwork=no\nRestrictAddressFamilies=AF_INET AF_INET6\n"
	}
	if directories == "" {
		return ""
	}
	return "# Written by 'bugspark apply' from where the data and the backups are.\n[Service]\n" + directories
}

// step is one change and how to make it.
type step struct {
	change Change
	do     func(context.Context) error
}

// Plan lists what Apply would change; an empty list means nothing.
func (c *Converger) Plan(ctx context.Context) ([]Change, error) {
	steps, err := c.steps(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Change, len(steps))
	for i, s := range steps {
		out[i] = s.change
	}
	return out, nil
}

func (c *Converger) steps(ctx context.Context) ([]step, error) {
	var steps []step
	add := func(ch Change, do func(context.Context) error) { steps = append(steps, step{ch, do}) }

	files, err := c.Site.PlanFiles()
	if err != nil {
		return nil, err
	}
	for i, ch := range files {
		do := func(context.Context) error { return nil }
		if i == 0 {
			do = c.Site.ApplyFiles // makes all of them, in order
		}
		add(ch, do)
	}
	targets, err := c.Site.targetSteps(ctx)
	if err != nil {
		return nil, err
	}
	steps = append(steps, targets...)
	confirmed, err := kit.Confirmed(c.Site.Dirs)
	if err != nil {
		return nil, err
	}
	on, off := Selected(c.Site.Config, confirmed)
	restart := map[string]bool{}
	dropIns := c.Site.dropIns()
	for _, unit := range slices.Sorted(maps.Keys(dropIns)) {
		want := dropIns[unit]
		have, err := c.Units.DropIn(unit)
		if err != nil {
			return nil, err
		}
		if have != want {
			restart[unit] = true
			add(Change{What: unit, Action: "write", Detail: "drop-in with the values of this site"}, func(ctx context.Context) error {
				return c.Units.WriteDropIn(ctx, unit, want)
			})
		}
	}
	if err := c.enablement(ctx, on, off, add); err != nil {
		return nil, err
	}
	if err := c.slotStep(add); err != nil {
		return nil, err
	}
	return c.activation(ctx, on, restart, steps)
}

func (c *Converger) enablement(ctx context.Context, on, off []string, add func(Change, func(context.Context) error)) error {
	for _, unit := range on {
		enabled, err := c.Units.Enabled(ctx, unit)
		if err != nil {
			return err
		}
		if !enabled {
			add(Change{What: unit, Action: "enable"}, func(ctx context.Context) error { return c.Units.SetEnabled(ctx, true, unit) })
		}
	}
	for _, unit := range off {
		enabled, err := c.Units.Enabled(ctx, unit)
		if err != nil {
			return err
		}
		active, err := c.Units.Active(ctx, unit)
		if err != nil {
			return err
		}
		if enabled || active {
			add(Change{What: unit, Action: "disable", Detail: "the configuration does not use it"}, func(ctx context.Context) error {
				return errors.Join(c.Units.SetEnabled(ctx, false, unit), c.Units.Stop(ctx, unit))
			})
		}
	}
	return nil
}

// activation adds what must be started and what runs with old values.
func (c *Converger) activation(ctx context.Context, on []string, restart map[string]bool, steps []step) ([]step, error) {
	applied, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return nil, err
	}
	inputs, err := c.Site.inputs()
	if err != nil {
		return nil, err
	}
	for _, unit := range on {
		active, err := c.Units.Active(ctx, unit)
		if err != nil {
			return nil, err
		}
		was, known := applied.Inputs[unit]
		switch {
		case !active:
			steps = append(steps, step{Change{What: unit, Action: "start"}, func(ctx context.Context) error { return c.Units.Start(ctx, unit) }})
		case restart[unit] || (known && was != inputs[unit]):
			steps = append(steps, step{Change{What: unit, Action: "restart", Detail: "its settings changed"}, func(ctx context.Context) error { return c.Units.Restart(ctx, unit) }})
		}
	}
	return steps, nil
}

// Apply makes the planned changes and proves the result healthy. When a change
// of the configuration leaves the stack unhealthy, the configuration applied
// before comes back, and the refused one is kept beside it.
func (c *Converger) Apply(ctx context.Context) ([]Change, error) {
	before, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return nil, err
	}
	made, err := c.converge(ctx)
	if err == nil || !before.Finished || ctx.Err() != nil {
		return made, err
	}
	current, readErr := Existing(c.Site.Dirs)
	if readErr != nil || string(current) == before.Config {
		return made, errors.Join(err, readErr) // the configuration is not what broke it
	}
	if back := c.revert(ctx, before, current); back != nil {
		return made, errors.Join(err, fmt.Errorf("and the way back failed: %w", back))
	}
	return made, fault.Wrap(fault.Failed, err,
		fmt.Sprintf("look at %s.refused, correct it, move it to %s and run 'bugspark apply'", c.Site.Dirs.File(), c.Site.Dirs.File()),
		"the new configuration left the stack unhealthy, so the previous one is back")
}

func (c *Converger) converge(ctx context.Context) ([]Change, error) {
	steps, err := c.steps(ctx)
	if err != nil {
		return nil, err
	}
	var made []Change
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return made, err
		}
		c.Report(s.change)
		if err := s.do(ctx); err != nil {
			return made, fmt.Errorf("%s: %w", s.change, err)
		}
		made = append(made, s.change)
	}
	if err := c.Healthy(ctx); err != nil {
		return made, err
	}
	return made, c.remember()
}

// remember records what runs now, and writes nothing when that is known.
func (c *Converger) remember() error {
	before, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return err
	}
	data, err := Existing(c.Site.Dirs)
	if err != nil {
		return err
	}
	inputs, err := c.Site.inputs()
	if err != nil {
		return err
	}
	if before.Config == string(data) && maps.Equal(before.Inputs, inputs) {
		return nil
	}
	return Applied{Config: string(data), Inputs: inputs, Finished: before.Finished}.Write(c.Site.Dirs)
}

// Finish marks the first setup as done: from here on a configuration that
// leaves the stack unhealthy is taken back.
func Finish(d config.Dirs) error {
	a, err := ReadApplied(d)
	if err != nil || a.Finished {
		return err
	}
	a.Finished = true
	return a.Write(d)
}

func (c *Converger) revert(ctx context.Context, before Applied, refused []byte) error {
	if err := durable.WriteFile(c.Site.Dirs.File()+".refused", refused, 0o644); err != nil {
		return err
	}
	if err := durable.WriteFile(c.Site.Dirs.File(), []byte(before.Config), 0o644); err != nil {
		return err
	}
	old, err := config.Parse(c.Site.Dirs.File(), []byte(before.Config), func(string) (string, bool) { return "", false })
	if err != nil {
		return err
	}
	// What the refused values concern may run with them by now.
	inputs, err := c.Site.inputs()
	if err != nil {
		return err
	}
	for unit, hash := range inputs {
		if before.Inputs[unit] != hash {
			before.Inputs[unit] = "refused"
		}
	}
	if err := before.Write(c.Site.Dirs); err != nil {
		return err
	}
	site := *c.Site
	site.Config = old
	again := &Converger{Site: &site, Units: c.Units, Healthy: c.Healthy, Report: c.Report}
	_, err = again.converge(ctx)
	return err
}
