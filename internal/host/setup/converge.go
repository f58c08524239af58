package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/unit"
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
	// Reload has running units read their configuration anew.
	Reload(ctx context.Context, units ...string) error
	Stop(ctx context.Context, units ...string) error
	// DropIn returns the content of our drop-in for unit, "" if there is none.
	DropIn(unit string) (string, error)
	// WriteDropIn replaces it ("" removes it) and reloads the manager.
	WriteDropIn(ctx context.Context, unit, content string) error
}

// Converger brings a machine to the state its configuration asks for.
type Converger struct {
	Site  *Site
	Set   unit.Set
	Units Units
	// Healthy proves that the whole stack answers, where this configuration has it listen.
	Healthy func(context.Context, config.Config) error
	Report  func(Change) // told of each change as it is made
	// StartEmpty accepts that data stays behind where a changed setting looks no more.
	StartEmpty bool

	beside []error // of units without which everybody is served
	failed []string
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

	if err := c.keepsData(ctx); err != nil {
		return nil, err
	}
	files, err := c.Site.PlanFiles()
	if err != nil {
		return nil, err
	}
	if c.Site.Completed != nil {
		add(Change{What: c.Site.Dirs.File(), Action: "write", Detail: "backup.target: " + c.Site.Config.Backup.Target}, func(context.Context) error {
			return WriteConfig(c.Site.Dirs, c.Site.Completed)
		})
	}
	inForce, err := c.inForceStep()
	if err != nil {
		return nil, err
	}
	steps = append(steps, inForce...)
	for i, ch := range files {
		do := func(context.Context) error { return nil }
		if i == 0 {
			do = c.Site.ApplyFiles // makes all of them, in order
		}
		add(ch, do)
	}
	data, err := c.dataSteps(ctx)
	if err != nil {
		return nil, err
	}
	steps = append(steps, data...)
	targets, err := c.Site.targetSteps(ctx)
	if err != nil {
		return nil, err
	}
	steps = append(steps, targets...)
	on, off := c.Set.Selected(c.Site.Config)
	restart := map[string]bool{}
	dropIns := c.dropIns()
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
	if err := c.boundStep(ctx, restart, add); err != nil {
		return nil, err
	}
	return c.activation(ctx, on, restart, steps)
}

func (c *Converger) enablement(ctx context.Context, on, off []string, add func(Change, func(context.Context) error)) error {
	var enable []string
	for _, unit := range on {
		enabled, err := c.Units.Enabled(ctx, unit)
		if err != nil {
			return err
		}
		if !enabled {
			enable = append(enable, unit)
		}
	}
	for i, unit := range enable {
		do := func(context.Context) error { return nil }
		if i == 0 { // all at once: systemd reads every unit anew each time, which takes a second on a small machine
			do = func(ctx context.Context) error { return c.Units.SetEnabled(ctx, true, enable...) }
		}
		add(Change{What: unit, Action: "enable"}, do)
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
	inputs, err := c.inputs()
	if err != nil {
		return nil, err
	}
	for _, name := range c.inOrder(on) {
		active, err := c.Units.Active(ctx, name)
		if err != nil {
			return nil, err
		}
		was, known := applied.Inputs[name]
		switch {
		case !active && slices.Contains(on, name):
			steps = append(steps, step{Change{What: name, Action: "start"}, func(ctx context.Context) error { return c.Units.Start(ctx, name) }})
		case active && (restart[name] || (known && was != inputs[name])):
			steps = append(steps, step{Change{What: name, Action: "restart", Detail: "its settings changed"}, func(ctx context.Context) error { return c.Units.Restart(ctx, name) }})
		}
	}
	return steps, nil
}

// running adds to the selected units the services that only their socket starts.
func (c *Converger) running(on []string) []string {
	var out []string
	for _, name := range on {
		out = append(out, name)
		u, err := c.Set.Unit(name)
		if err == nil && u.Socket != nil && !slices.Contains(on, u.Socket.Service) {
			out = append(out, u.Socket.Service)
		}
	}
	return out
}

// inOrder puts what serves before the helpers: whoever cannot start of them must not keep
// anybody from being served. The target comes last, since it starts everything.
func (c *Converger) inOrder(on []string) []string {
	var serve, help, targets []string
	for _, name := range c.running(on) {
		switch {
		case path.Ext(name) == ".target":
			targets = append(targets, name)
		case c.Set.Serves(name):
			serve = append(serve, name)
		default:
			help = append(help, name)
		}
	}
	return slices.Concat(serve, help, targets)
}

// helper tells whether a change starts a unit without which everybody is served.
func (c *Converger) helper(ch Change) bool {
	return (ch.Action == "start" || ch.Action == "restart") && path.Ext(ch.What) != ".target" && !c.Set.Serves(ch.What)
}

// Apply makes the planned changes and proves the result healthy. When a change
// of the configuration leaves the stack unhealthy, the configuration applied
// before comes back, and the refused one is kept beside it. A helper that does not start
// is told by an error of the kind NeedsAttention; everything else is done then.
func (c *Converger) Apply(ctx context.Context) ([]Change, error) {
	before, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return nil, err
	}
	steps, err := c.steps(ctx)
	if err != nil {
		return nil, err // nothing was touched
	}
	made, err := c.converge(ctx, steps)
	if Served(err) || !before.Finished || ctx.Err() != nil {
		return made, err
	}
	current, readErr := c.Site.source()
	if readErr != nil || string(current) == before.Config {
		return made, errors.Join(err, readErr) // the configuration is not what broke it
	}
	if _, ok, readErr := c.Site.before(); readErr != nil || !ok {
		return made, errors.Join(err, readErr) // nothing could work with the one before
	}
	return made, c.takeBack(ctx, before, current, err)
}

func (c *Converger) converge(ctx context.Context, steps []step) ([]Change, error) {
	var made []Change
	c.beside, c.failed = nil, nil
	if len(steps) > 0 {
		if err := c.begin(steps); err != nil {
			return made, err
		}
	}
	for _, s := range steps {
		if err := ctx.Err(); err != nil {
			return made, err
		}
		c.Report(s.change)
		err := s.do(ctx)
		if err != nil && c.helper(s.change) && ctx.Err() == nil {
			c.beside = append(c.beside, fmt.Errorf("%s: %w", s.change, err))
			c.failed = append(c.failed, s.change.What)
			continue
		}
		if err != nil {
			return made, fmt.Errorf("%s: %w", s.change, err)
		}
		made = append(made, s.change)
	}
	if err := c.Healthy(ctx, c.Site.Config); err != nil {
		return made, err
	}
	if err := c.beginBackups(ctx); err != nil {
		return made, err
	}
	if err := c.remember(); err != nil || len(c.beside) == 0 {
		return made, err
	}
	return made, fault.Wrap(fault.NeedsAttention, errors.Join(c.beside...), "", "everybody is served, but of the rest not everything runs")
}

// Served tells whether everything was done that an error tells of: everybody is served.
func Served(err error) bool { return err == nil || fault.Status(err) == int(fault.NeedsAttention) }

// remember records what runs now, and writes nothing when that is known.
func (c *Converger) remember() error {
	before, err := ReadApplied(c.Site.Dirs)
	if err != nil {
		return err
	}
	data, err := c.Site.source()
	if err != nil {
		return err
	}
	inputs, err := c.inputs()
	if err != nil {
		return err
	}
	for _, name := range c.failed {
		inputs[name] = "failed" // the next apply tries again
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
