package command

import (
	"crypto/rand"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/license"
)

// day is a flag with a date. A licence that ends on a day holds until its end, in UTC.
func day(name, s string, end bool) (*jwt.NumericDate, error) {
	if s == "" {
		return nil, nil
	}
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return nil, fault.New(fault.Usage, "bugspark-license issue --help", "--%s %s is no date; write 2027-12-31", name, s)
	}
	if end {
		d = d.AddDate(0, 0, 1).Add(-time.Second)
	}
	return jwt.NewNumericDate(d), nil
}

func (t Env) issue() *cobra.Command {
	var c license.Claims
	var keyFile, passphraseFile, out, from, until, support string
	cmd := &cobra.Command{
		Use:   "issue --key FILE --customer NAME --customer-id ID --until DATE",
		Short: "Sign a licence",
		Example: `  bugspark-license issue --key 2027a.key --customer "Bank of Examples" --customer-id C-7 \
    --seats 50 --projects 10 --feature custom-branding --until 2028-03-31 --out bank.license
  bugspark-license issue --key 2027a.key --customer Trial --customer-id C-8 --trial --until 2027-04-30`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.NotBefore, err = day("from", from, false); err != nil {
				return err
			}
			if c.ExpiresAt, err = day("until", until, true); err != nil {
				return err
			}
			if c.SupportUntil, err = day("support-until", support, true); err != nil {
				return err
			}
			if c.Trial && !cmd.Flags().Changed("grace-days") {
				c.GraceDays = 0
			}
			if c.ID == "" {
				c.ID = rand.Text()
			}
			key, err := t.key(keyFile, passphraseFile)
			if err != nil {
				return err
			}
			token, err := key.License(c, t.Now())
			if err != nil {
				return fault.Wrap(fault.Usage, err, "bugspark-license issue --help", "this licence is not issued")
			}
			return t.write(out, []byte(token+"\n"), 0o644)
		},
	}
	f := cmd.Flags()
	f.StringVar(&keyFile, "key", "", "the encrypted private key")
	f.StringVar(&passphraseFile, "passphrase-file", "", "read the passphrase from a file instead of the terminal")
	f.StringVar(&out, "out", "", "write the licence to a new file instead of the standard output")
	f.StringVar(&c.ID, "id", "", "the licence's number; a random one where absent")
	f.StringVar(&c.Customer, "customer", "", "name of the customer")
	f.StringVar(&c.Subject, "customer-id", "", "the vendor's number of the customer")
	f.IntVar(&c.Seats, "seats", 5, "people who are active in 30 days")
	f.IntVar(&c.Projects, "projects", 1, "projects")
	f.StringSliceVar(&c.Features, "feature", nil, "a licensed extra: ai-analysis, tracker-export or custom-branding; may be given again")
	f.StringVar(&from, "from", "", "first day; today where absent")
	f.StringVar(&until, "until", "", "last day")
	f.StringVar(&support, "support-until", "", "last day of support")
	f.IntVar(&c.GraceDays, "grace-days", 30, "days after the last one on which everything stays on; a trial has none")
	f.BoolVar(&c.Trial, "trial", false, "a trial")
	f.BoolVar(&c.NonProduction, "non-production", false, "for test machines of a customer that has another licence")
	f.StringVar(&c.Installation, "installation", "", "bind it to the installation with this id")
	for _, name := range []string{"key", "customer", "customer-id", "until"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a name that is misspelt here
		}
	}
	return cmd
}
