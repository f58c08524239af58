package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// takeBack brings the configuration applied before back after a cause, and keeps the
// refused one beside it.
func (c *Converger) takeBack(ctx context.Context, before Applied, refused []byte, cause error) error {
	file := c.Site.Dirs.File()
	beside := file + ".refused"
	if err := durable.WriteFile(beside, refused, 0o644); err != nil {
		return errors.Join(cause, fmt.Errorf("and keeping the refused configuration failed: %w", err))
	}
	again := fmt.Sprintf("correct %s, then: mv %s %s && bugspark apply", beside, beside, file)
	if err := c.revert(ctx, before); err != nil {
		return fault.Wrap(fault.Failed, errors.Join(cause, fmt.Errorf("and with the previous one: %w", err)), "bugspark status; "+again,
			"the new configuration left the stack unhealthy, and so does the previous one, which is back in %s; the new one is kept as %s", file, beside)
	}
	return fault.Wrap(fault.Failed, cause, again,
		"the new configuration left the stack unhealthy, so the previous one is back; the new one is kept as %s", beside)
}

func (c *Converger) revert(ctx context.Context, before Applied) error {
	if err := WriteConfig(c.Site.Dirs, []byte(before.Config)); err != nil {
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
	site.Config, site.Completed, site.Source = old, nil, nil
	again := &Converger{Site: &site, Set: c.Set, Units: c.Units, Healthy: c.Healthy, Report: c.Report}
	steps, err := again.steps(ctx)
	if err != nil {
		return err
	}
	_, err = again.converge(ctx, steps)
	return err
}
