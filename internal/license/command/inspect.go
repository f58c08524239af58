package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/license"
)

func (t Env) inspect() *cobra.Command {
	var keysFile, listFile string
	var asJSON bool
	c := &cobra.Command{
		Use:   "inspect --keys FILE LICENSE",
		Short: "Check a licence as a customer's machine does, and say what it holds",
		Long:  `Checks a licence with the published keys, and prints it. LICENSE is a file, or - for the standard input.`,
		Example: `  bugspark-license inspect --keys keys.json bank.license
  bugspark-license inspect --keys keys.json --revocations revoked.jwt --json - < bank.license`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			v, err := t.verifier(keysFile, listFile)
			if err != nil {
				return err
			}
			token, err := t.read(args[0])
			if err != nil {
				return err
			}
			claims, err := v.License(string(token))
			if claims == nil {
				return err
			}
			if asJSON {
				data, marshal := json.MarshalIndent(claims, "", "  ")
				if marshal != nil {
					return marshal
				}
				fmt.Fprintf(t.Stdout, "%s\n", data)
				return err
			}
			return errors.Join(t.print(claims), err)
		},
	}
	c.Flags().StringVar(&keysFile, "keys", "", "the published keys, a JSON object by kid")
	c.Flags().StringVar(&listFile, "revocations", "", "the signed list of revoked licences")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	if err := c.MarkFlagRequired("keys"); err != nil {
		panic(err) // a name that is misspelt here
	}
	return c
}

// verifier checks with the published keys, and with a list where there is one.
func (t Env) verifier(keysFile, listFile string) (license.Verifier, error) {
	v := license.Verifier{Now: t.Now}
	data, err := t.read(keysFile)
	if err != nil {
		return v, err
	}
	if v.Keys, err = license.ParseKeys(data); err != nil {
		return v, fmt.Errorf("%s: %w", keysFile, err)
	}
	if listFile == "" {
		return v, nil
	}
	list, err := t.read(listFile)
	if err != nil {
		return v, err
	}
	if v.Revocations, err = v.RevocationList(string(list)); err != nil {
		return v, fmt.Errorf("%s: %w", listFile, err)
	}
	return v, nil
}

func (t Env) print(c *license.Claims) error {
	w := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	date := func(d time.Time) string { return d.UTC().Format(time.DateOnly) }
	kind := []string{}
	if c.Trial {
		kind = append(kind, "trial")
	}
	if c.NonProduction {
		kind = append(kind, "not for production")
	}
	line("licence", "%s %s", c.ID, strings.Join(kind, ", "))
	line("customer", "%s (%s)", c.Customer, c.Subject)
	line("holds", "%s to %s, then %d days of grace", date(c.NotBefore.Time), date(c.ExpiresAt.Time), c.GraceDays)
	line("seats", "%d", c.Seats)
	line("projects", "%d", c.Projects)
	if len(c.Features) > 0 {
		line("features", "%s", strings.Join(c.Features, ", "))
	}
	if c.SupportUntil != nil {
		line("support until", "%s", date(c.SupportUntil.Time))
	}
	if c.Installation != "" {
		line("installation", "%s", c.Installation)
	}
	return w.Flush()
}

// before is the list that a new one follows; nil for the first.
func (t Env) before(keysFile, listFile string) (*license.Revocations, error) {
	if listFile == "" {
		return nil, nil
	}
	v, err := t.verifier(keysFile, listFile)
	return v.Revocations, err
}
