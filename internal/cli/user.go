package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/password"
)

type userOptions struct {
	email        string
	name         string
	passwordFile string
	superadmin   bool
	json         bool
}

// userResult is what the user commands print with --json. OneTimePassword is
// empty when the password came from a file.
type userResult struct {
	ID              string `json:"id"`
	Email           string `json:"email"`
	Superadmin      bool   `json:"superadmin"`
	OneTimePassword string `json:"one_time_password,omitempty"`
}

func newUser(env Env) *cobra.Command {
	c := &cobra.Command{Use: "user", Short: "List, make and disable accounts, reset passwords", Args: cobra.NoArgs}
	c.AddCommand(newUserCreate(env), newUserReset(env), newUserList(env),
		userState(env, false, "disable", "End an account's access", `Disable ends every session of an account and deletes its access tokens at once;
nobody can sign in to it until it is enabled again. Its projects and reports
stay, and widgets go on sending. The last administrator cannot be disabled.`),
		userState(env, true, "enable", "Let a disabled account sign in again", `Enable lets a disabled account sign in again, with the password it had. Sessions
and access tokens that were ended do not come back.`))
	return c
}

func newUserCreate(env Env) *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use:   "create --email ADDRESS --name NAME",
		Short: "Make an account",
		Long: `Create makes an account. Without --password-file it prints a one-time password,
which the person must change at the first sign-in.`,
		Example: `  bugspark user create --email ada@example.org --name "Ada Lovelace"
  bugspark user create --email ops@example.org --name Operations --superadmin --password-file /root/ops.password`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return createUser(cmd.Context(), env, o) },
	}
	o.flags(c)
	c.Flags().StringVar(&o.name, "name", "", "the person's `name`")
	c.Flags().BoolVar(&o.superadmin, "superadmin", false, "may do everything in every project")
	return c
}

func newUserReset(env Env) *cobra.Command {
	var o userOptions
	c := &cobra.Command{
		Use:   "reset-password --email ADDRESS",
		Short: "Give an account a new password",
		Long: `Reset-password gives an account a new password, signs it out everywhere and
deletes its access tokens, those of scripts too.
Without --password-file it prints a one-time password. Either way the person
must change it at the next sign-in.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return resetPassword(cmd.Context(), env, o) },
	}
	o.flags(c)
	return c
}

func (o *userOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.email, "email", "", "the account's `address`")
	c.Flags().StringVar(&o.passwordFile, "password-file", "", "`file` with the password; - is standard input. Empty: a one-time password is made and printed")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
}

func createUser(ctx context.Context, env Env, o userOptions) error {
	if err := checkEmail(o.email); err != nil {
		return err
	}
	o.name = tracker.CleanText(strings.TrimSpace(o.name))
	if tracker.CheckName(o.name) != nil {
		return fault.New(fault.Usage, "give --name", "a name has 1 to %d characters", tracker.MaxName)
	}
	plain, once, err := choosePassword(env, o.passwordFile)
	if err != nil {
		return err
	}
	p, err := env.parts()
	if err != nil {
		return err
	}
	a, err := p.CreateAccount(ctx, tracker.Account{Email: o.email, Name: o.name, IsSuperadmin: o.superadmin, MustChangePassword: once != ""}, plain)
	if err != nil {
		return err
	}
	return printUser(env, o, "made", a, once)
}

func resetPassword(ctx context.Context, env Env, o userOptions) error {
	if err := checkEmail(o.email); err != nil {
		return err
	}
	plain, once, err := choosePassword(env, o.passwordFile)
	if err != nil {
		return err
	}
	p, err := env.parts()
	if err != nil {
		return err
	}
	a, err := p.ResetPassword(ctx, o.email, plain)
	if err != nil {
		return err
	}
	return printUser(env, o, "reset the password of", a, once)
}

func checkEmail(email string) error {
	if tracker.CheckEmail(email) != nil {
		return fault.New(fault.Usage, "give --email somebody@example.org", "%q is no address", email)
	}
	return nil
}

// choosePassword returns the password of the file, or a fresh one-time password
// as both values.
func choosePassword(env Env, file string) (plain, once string, err error) {
	if file == "" {
		once, err = password.OneTime()
		return once, once, err
	}
	var data []byte
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, 4096))
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return "", "", fault.Wrap(fault.Usage, err, "name a file that is there with --password-file, or leave that out for a one-time password", "reading the password")
	}
	plain = strings.TrimRight(string(data), "\r\n")
	if err := password.Check(plain); err != nil {
		return "", "", fault.New(fault.Usage, "put another password into "+file+", or leave out --password-file for a one-time password", "the password in %s %v", file, err)
	}
	return plain, "", nil
}

func printUser(env Env, o userOptions, verb string, a tracker.Account, once string) error {
	if o.json {
		return json.NewEncoder(env.Stdout).Encode(userResult{a.ID, a.Email, a.IsSuperadmin, once})
	}
	if _, err := fmt.Fprintf(env.Stdout, "%s %s\n", verb, a.Email); err != nil {
		return err
	}
	if once == "" {
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "one-time password: %s\n", once)
	return err
}
