package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
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
	Stop(ctx context.Context, units ...string) error
	// DropIn returns the content of our drop-in for unit, "" if there is none.
	DropIn(unit string) (string, error)
	// WriteDropIn replaces it ("" removes it) and reloads the manager.
	WriteDropIn(ctx context.Context, unit, content string) error
}

// Converger brings a machine to the state its configuration asks for.
type Converger struct {
	Site    *Site
	Set     unit.Set
	Units   Units
	Healthy func(context.Context) error // proves that the whole stack answers
	Report  func(Change)                // told of each change as it is made
}

// site is what the conditions of units ask.
func (c *Converger) site() (unit.Site, error) {
	confirmed, err := kit.Confirmed(c.Site.Dirs)
	return unit.Site{Config: c.Site.Config, KitConfirmed: confirmed}, err
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
	site, err := c.site()
	if err != nil {
		return nil, err
	}
	on, off := c.Set.Selected(site)
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
	inputs, err := c.inputs()
	if err != nil {
		return nil, err
	}
	for _, name := range c.running(on) {
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
	inputs, err := c.inputs()
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
	inputs, err := c.inputs()
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
	again := &Converger{Site: &site, Set: c.Set, Units: c.Units, Healthy: c.Healthy, Report: c.Report}
	_, err = again.converge(ctx)
	return err
}
