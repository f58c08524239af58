package cli

import (
	"regexp"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

var unitName = regexp.MustCompile(`^[A-Za-z0-9@:_.-]+$`)

func newAlert(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "alert {UNIT | review}",
		Short: "Tell people that a unit failed (a role of the service manager)",
		Long: `Alert UNIT tells people that a unit failed, once: at once when that is new, every
day while it lasts. Alert review looks whether the problems that people were
told of last, tells them of those that are over, and tries deliveries again
that failed.`,
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			review := args[0] == "review"
			if !review && !unitName.MatchString(args[0]) {
				return fault.New(fault.Usage, "bugspark alert UNIT, or bugspark alert review", "%q is no unit", args[0])
			}
			p, err := env.parts()
			if err != nil {
				return err
			}
			n, err := p.Notifier()
			if err != nil {
				return err
			}
			if review {
				return n.Review(cmd.Context())
			}
			return n.Notify(cmd.Context(), args[0])
		},
	}
	return c
}
