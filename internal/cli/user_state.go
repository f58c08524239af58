package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// userListed is an account as user list and user disable print it with --json.
type userListed struct {
	ID         string     `json:"id"`
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	Superadmin bool       `json:"superadmin"`
	Active     bool       `json:"active"`
	CreatedAt  time.Time  `json:"created_at"`
	SeenAt     *time.Time `json:"seen_at"`
}

func newUserList(env Env) *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use: "list", Short: "List the accounts", Args: cobra.NoArgs,
		Long: `List prints every account: its address, whether it may sign in, whether it is an
administrator, when it was last used by a session or token that still exists,
and its name.`,
		Example: "  bugspark user list\n  bugspark user list --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return listUsers(cmd.Context(), env, o) },
	}
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func listUsers(ctx context.Context, env Env, o userOptions) error {
	p, err := env.parts()
	if err != nil {
		return err
	}
	found, err := p.Accounts(ctx)
	if err != nil {
		return err
	}
	if o.json {
		out := make([]userListed, len(found))
		for i, a := range found {
			out[i] = userListed{a.ID, a.Email, a.Name, a.IsSuperadmin, a.IsActive, a.CreatedAt, a.SeenAt}
		}
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tSTATE\tROLE\tLAST SEEN\tNAME")
	for _, a := range found {
		state, role, seen := "disabled", "user", "-"
		if a.IsActive {
			state = "active"
		}
		if a.IsSuperadmin {
			role = "superadmin"
		}
		if a.SeenAt != nil {
			seen = a.SeenAt.Format("2006-01-02 15:04 UTC")
		}
		// People choose their names: quoted, none of it commands the terminal.
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%q\n", a.Email, state, role, seen, a.Name)
	}
	return w.Flush()
}

func userState(env Env, active bool, verb, short, long string) *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use: verb + " --email ADDRESS", Short: short, Long: long, Args: cobra.NoArgs,
		Example: "  bugspark user " + verb + " --email ada@example.org",
		RunE:    func(cmd *cobra.Command, _ []string) error { return setUserState(cmd.Context(), env, o, active, verb) },
	}
	c.Flags().StringVar(&o.email, "email", "", "the account's `address`")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func setUserState(ctx context.Context, env Env, o userOptions, active bool, verb string) error {
	if err := checkEmail(o.email); err != nil {
		return err
	}
	p, err := env.parts()
	if err != nil {
		return err
	}
	a, err := p.SetAccountState(ctx, o.email, active)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(userListed{a.ID, a.Email, a.Name, a.IsSuperadmin, a.IsActive, a.CreatedAt, nil})
	}
	_, err = fmt.Fprintf(env.Stdout, "%sd %s\n", verb, a.Email)
	return err
}
