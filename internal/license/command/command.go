// Package command is the command line of bugspark-license, the vendor's tool. It works without
// any network.
package command

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

// Env is what the commands work with.
type Env struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Now            func() time.Time
	// Ask reads a passphrase that is not shown.
	Ask func(prompt string) (string, error)
}

// Run runs the command that the arguments name, and returns its exit status.
func Run(t Env) int {
	root := &cobra.Command{
		Use: "bugspark-license", Short: "Makes, issues, inspects and revokes licences of BugSpark",
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetArgs(t.Args)
	root.SetIn(t.Stdin)
	root.SetOut(t.Stdout)
	root.SetErr(t.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fault.Wrap(fault.Usage, err, c.CommandPath()+" --help", "wrong usage")
	})
	begun := false // flags that are missing are found later than this
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		err := c.ValidateRequiredFlags()
		begun = err == nil
		return err
	}
	root.AddCommand(t.keygen(), t.issue(), t.inspect(), t.revoke())
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintf(t.Stderr, "bugspark-license: %v\n", err)
	var f *fault.Error
	if !errors.As(err, &f) {
		if !begun { // a command or a flag that is not there, or is missing
			return int(fault.Usage)
		}
		return int(fault.Failed)
	}
	if f.Hint != "" {
		fmt.Fprintf(t.Stderr, "next: %s\n", f.Hint)
	}
	return int(f.Kind)
}
