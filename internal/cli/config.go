package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

func newConfig(env Env) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Look at the configuration", Args: cobra.NoArgs}
	c.AddCommand(
		newConfigShow(env),
		newConfigGet(env),
		&cobra.Command{
			Use:   "sample",
			Short: "Print bugspark.yaml with every setting at its default",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return config.WriteSample(env.Stdout) },
		},
		&cobra.Command{
			Use:   "reference",
			Short: "Print the manual page of every setting and secret, as Markdown",
			Args:  cobra.NoArgs,
			RunE:  func(*cobra.Command, []string) error { return writeReference(env) },
		},
		&cobra.Command{
			Use:   "check",
			Short: "Check the configuration file and the environment",
			Args:  cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				said, err := setup.CheckConfig(config.DirsFrom(env.Lookup), env.Lookup)
				if err == nil {
					_, err = fmt.Fprintln(env.Stdout, said)
				}
				return err
			},
		},
	)
	return c
}

func newConfigShow(env Env) *cobra.Command {
	var asJSON, changed bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Print every setting as bugspark.yaml has it and where it comes from",
		Long: `Show prints the configuration as bugspark.yaml has it: every setting with its
value and its origin, which is the default, the file or an environment variable.
Of secrets it tells where they are and whether they are set, never what they are.
Only root may look at secrets; for others their state is "unreadable". Of
alert.webhook only the host is shown, because its path may hold a token.

What is in force is /var/lib/bugspark/applied.yaml; 'bugspark plan' tells what of
the file is not applied yet. Exit status: 2 the configuration is invalid, 3 it cannot be read.`,
		Example: `  bugspark config show             everything
  bugspark config show --changed   only what differs from the defaults
  bugspark config show --json      for programs`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			e, err := config.Explain(config.DirsFrom(env.Lookup), env.Lookup)
			if err != nil {
				return err
			}
			if changed {
				e = e.Changed()
			}
			if asJSON {
				return writeIndented(env.Stdout, e)
			}
			return printEffective(env.Stdout, e)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&changed, "changed", false, "leave out settings at their default and secrets that are not set")
	return c
}

func newConfigGet(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "get KEY",
		Short: "Print one setting as bugspark.yaml has it",
		Long: `Get prints the value of one setting, a list with one element a line. A secret
is no setting: 'bugspark config show' tells whether it is set.`,
		Example: `  bugspark config get server.name
  bugspark config get backup.target --json   with its origin`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := config.Explain(config.DirsFrom(env.Lookup), env.Lookup)
			if err != nil {
				return err
			}
			v, err := e.Get(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeIndented(env.Stdout, v)
			}
			if list, ok := v.Value.([]string); ok {
				for _, element := range list {
					fmt.Fprintln(env.Stdout, element)
				}
				return nil
			}
			_, err = fmt.Fprintln(env.Stdout, v.Value)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func writeIndented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func printEffective(out io.Writer, e config.Effective) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tVALUE\tORIGIN")
	for _, v := range e.Settings {
		origin := string(v.Origin)
		if v.Source != "" {
			origin += " " + v.Source
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", v.Key, shown(v.Value), origin)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nSECRET\tSTATE\tFILE")
	for _, s := range e.Credentials {
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, s.State, s.Path)
	}
	return w.Flush()
}

// shown is a value in a table, where an empty one must be visible.
func shown(value any) string {
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, ", ")
	}
	if text == "" {
		return "-"
	}
	return text
}

func writeReference(env Env) error {
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		return err
	}
	return config.WriteReference(env.Stdout, set.Readers)
}
