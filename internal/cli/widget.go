package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

type snippetOptions struct {
	key    string
	pinned bool
	json   bool
}

// snippetResult is what widget snippet prints with --json. CSP are the directives that a
// page with a Content-Security-Policy needs.
type snippetResult struct {
	Version   string   `json:"version"`
	URL       string   `json:"url"`
	Integrity string   `json:"integrity,omitempty"` // of the pinned script: the other changes with an upgrade
	Snippet   string   `json:"snippet"`
	CSP       []string `json:"csp"`
}

func newWidget(env Env) *cobra.Command {
	c := &cobra.Command{Use: "widget", Short: "Print what a page needs to show the widget", Args: cobra.NoArgs}
	c.AddCommand(newWidgetSnippet(env))
	return c
}

func newWidgetSnippet(env Env) *cobra.Command {
	var o snippetOptions
	c := &cobra.Command{
		Use:   "snippet [PROJECT]",
		Short: "Print the lines that put the widget into a page",
		Long: `Snippet prints the lines that put the widget into the pages of a project. PROJECT
is its id, its name or the beginning of its key, and may be left out where there
is one project.

Of a project's key only the hash and the first characters are stored: give the
whole key with --key, or put it in place of the dots. The directives that a
Content-Security-Policy needs are printed on standard error, or in csp with --json.`,
		Example: `  bugspark widget snippet "Online banking"
  bugspark widget snippet --key bsk_pub_... --pinned
  bugspark widget snippet --key bsk_pub_... --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("key") && o.key == "" {
				return fault.New(fault.Usage, "bugspark widget snippet --help", "--key is empty")
			}
			return printSnippet(cmd.Context(), env, o, append(args, "")[0])
		},
	}
	c.Flags().StringVar(&o.key, "key", "", "the project's whole `key`, which is checked")
	c.Flags().BoolVar(&o.pinned, "pinned", false, "name the version and its hash: the page changes when its snippet does")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func printSnippet(ctx context.Context, env Env, o snippetOptions, project string) error {
	p, err := env.parts()
	if err != nil {
		return err
	}
	s, err := p.WidgetSnippet(ctx, project, o.key, o.pinned)
	if err != nil {
		return err
	}
	if o.pinned {
		s.URL = s.PinnedURL
	} else {
		s.Integrity = ""
	}
	if o.json {
		err = json.NewEncoder(env.Stdout).Encode(snippetResult{s.Version, s.URL, s.Integrity, s.Text, s.Policy})
	} else {
		_, err = fmt.Fprintln(env.Stdout, s.Text)
	}
	if err != nil {
		return err
	}
	if !s.Whole {
		fmt.Fprintf(env.Stderr, "The key was shown when the project was made; put it in place of the dots, or give it with --key.\nA new one, which ends the old one: the project's page in the dashboard, or POST /api/v1/projects/%s/rotate-key.\n", s.Project.ID)
	}
	if !o.json {
		fmt.Fprintln(env.Stderr, "A page with a Content-Security-Policy needs, beside what it has:")
		for _, directive := range s.Policy {
			fmt.Fprintln(env.Stderr, "  "+directive)
		}
	}
	return nil
}
