package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func newBackupCopy(env Env) *cobra.Command {
	var asJSON, dryRun bool
	c := &cobra.Command{
		Use:   "copy",
		Short: "Bring the second target up to date",
		Long: `Copy brings backup.copy.target to the state of backup.target. It needs no key of
the backups. What the first target has let go goes from the copy as well, but not
while the newest set is older than two days or the last drill failed. After an
interruption the copy is intact, and the next run goes on.

With --copy the commands list, show, verify, drill and restore use the copy.`,
		Example: "  bugspark backup copy --dry-run\n  bugspark backup copy\n  bugspark backup verify --copy",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return copyTarget(cmd.Context(), env, asJSON, dryRun)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show how much would be copied, change nothing")
	return c
}

// rememberedCopy is when the second target was last up to date.
type rememberedCopy struct {
	At time.Time `json:"at"`
	target.Mirrored
}

func copyTarget(ctx context.Context, env Env, asJSON, dryRun bool) error {
	dirs := config.DirsFrom(env.Lookup)
	cfg, err := config.Load(dirs, env.Lookup)
	if err != nil {
		return err
	}
	if cfg.Backup.Copy.Target == "" {
		return fault.New(fault.Usage, "set backup.copy.target in "+dirs.File()+" and run 'bugspark apply'", "there is no second backup target")
	}
	v := &vault{env: env, dirs: dirs, cfg: cfg}
	var own [2]*target.Target
	for i := range own {
		p, err := ownPlace(env, dirs, cfg.Backup, i == 1)
		if err != nil {
			return err
		}
		s, err := p.open()
		if err != nil {
			return err
		}
		defer s.Close()
		if own[i], err = p.own(dirs, s); err != nil {
			return err
		}
	}
	if err := stepDown(backupAccount); err != nil {
		return err
	}
	unlock, err := v.aloneWithCopy(false)
	if err != nil {
		return err
	}
	defer unlock()
	began := time.Now()
	// A first target that is away looks like an empty one.
	if err := own[0].Check(ctx); err != nil {
		return err
	}
	if err := own[1].Beat(ctx); err != nil {
		return err
	}
	memory, err := readMemory(dirs)
	if err != nil {
		return err
	}
	p := newTransfer(env, asJSON)
	m := target.Mirror{From: own[0].Store, To: own[1].Store, DryRun: dryRun,
		Delete: began.Sub(memory.Set.At) < setTooOld && (memory.Drill.At.IsZero() || memory.Drill.Passed),
		Report: func(done, total int64) { p.report(backup.Progress{Part: "copy", Bytes: done, Total: total}) }}
	out, err := m.Run(ctx)
	p.finish()
	if err != nil {
		return fault.Wrap(fault.Failed, err, "correct the cause and run 'bugspark backup copy' again; it goes on where it stopped", "the second target is not up to date")
	}
	if !dryRun {
		if err := v.remember(copyMemory, rememberedCopy{began, out}); err != nil {
			return err
		}
	}
	if asJSON {
		return json.NewEncoder(env.Stdout).Encode(out)
	}
	verb := "Copied"
	if dryRun {
		verb = "Would copy"
	}
	_, err = fmt.Fprintf(env.Stdout, "%s %d files (%s) in %.1f s, and let %d go; the copy has %d files, %s.\n",
		verb, out.Copied, size(out.Bytes), time.Since(began).Seconds(), out.Deleted, out.Files, size(out.Total))
	return err
}

func newBackupSSHKey(env Env) *cobra.Command {
	var second bool
	c := &cobra.Command{
		Use:   "ssh-key",
		Short: "Make this machine's key for an SFTP target, and print the public half",
		Long: `Ssh-key prints the line that the SFTP server's administrator adds to the account's
authorized_keys. It makes the key if there is none.`,
		Example: "  bugspark backup ssh-key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := setup.RootCheck().Run(cmd.Context()); err != nil {
				return err
			}
			return printSSHKey(env, config.DirsFrom(env.Lookup), place{copy: second}.prefix()+sshKey)
		},
	}
	c.Flags().BoolVar(&second, "copy", false, "for the second target")
	return c
}

func printSSHKey(env Env, dirs config.Dirs, name string) error {
	data, err := os.ReadFile(dirs.CredentialFile(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(fault.Failed, err, "", "reading the SSH key")
	}
	if len(data) == 0 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(private, "bugspark")
		if err != nil {
			return err
		}
		data = pem.EncodeToMemory(block)
		if err := os.MkdirAll(dirs.Config+"/credentials", 0o700); err != nil {
			return err
		}
		if err := setup.WriteSecret(dirs, name, data); err != nil {
			return err
		}
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "remove "+dirs.CredentialFile(name)+" and run the command again", "the SSH key cannot be used")
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	line := ssh.MarshalAuthorizedKey(signer.PublicKey())
	_, err = fmt.Fprintf(env.Stdout, "%s bugspark@%s\n", line[:len(line)-1], host)
	return err
}
