package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/assembly"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

func newMigrate(env Env) *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's tables up to date",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(newMigrateUp(env), newMigrateStatus(env))
	return c
}

func newMigrateUp(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Apply every pending migration",
		Long: `Up applies every pending migration, each in a transaction of its own. It may be
repeated, run twice at once, and interrupted: the next run finds out how far the
last one got. A schema newer than this version of bugspark is refused.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), env, assembly.Owner, func(s *postgres.Store) error {
				applied, err := s.Schema().Up(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(env.Stdout).Encode(map[string][]string{"applied": append([]string{}, applied...)})
				}
				for _, name := range applied {
					fmt.Fprintf(env.Stdout, "applied %s\n", strings.TrimSuffix(name, ".up.sql"))
				}
				if len(applied) == 0 {
					fmt.Fprintln(env.Stdout, "nothing to apply")
				}
				return nil
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func newMigrateStatus(env Env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show which migrations the database has and lacks",
		Long: `Status shows which migrations the database has and lacks.

Exit status 1 means that the API would refuse the database as it is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd.Context(), env, assembly.Owner, func(s *postgres.Store) error {
				status, err := s.Schema().Status(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					if err := json.NewEncoder(env.Stdout).Encode(status); err != nil {
						return err
					}
				} else {
					printSchema(env, status)
				}
				return status.Verdict()
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printSchema(env Env, s postgres.SchemaStatus) {
	fmt.Fprintf(env.Stdout, "schema   %d of %d\n", s.Version, s.Newest)
	if s.Dirty {
		fmt.Fprintf(env.Stdout, "         migrating to %d was interrupted\n", s.Version)
	}
	for _, name := range s.Pending {
		fmt.Fprintf(env.Stdout, "pending  %s\n", strings.TrimSuffix(name, ".up.sql"))
	}
}
