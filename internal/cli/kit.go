package cli

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/setup"
)

// kit is the recovery kit: all that is needed beside the target.
type kit struct {
	key, identity string
	first, second place
}

func (k kit) fingerprint() string { return setup.KitFingerprint(k.key, k.identity) }

func newBackupKit(env Env) *cobra.Command {
	var confirm string
	c := &cobra.Command{
		Use:   "kit",
		Short: "Print the recovery kit, or confirm that it is in a safe place",
		Long: `Kit prints one page with the two secrets without which no backup can be read, and
how to use them. Print it, or keep it where a fire in the server room does not
reach it. Backups run by the clock only after you have confirmed that, by typing
the fingerprint that stands on the page.`,
		Example: `  bugspark backup kit | lp
  bugspark backup kit --confirm ABCD-EFGH-IJKL && bugspark apply`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dirs := config.DirsFrom(env.Lookup)
			cfg, err := config.Load(dirs, env.Lookup)
			if err != nil {
				return err
			}
			k, err := ownKit(env, dirs, cfg)
			if err != nil {
				return err
			}
			if confirm == "" {
				return k.print(env.Stdout, cfg.Server.Name)
			}
			return confirmKit(env, dirs, k, confirm)
		},
	}
	c.Flags().StringVar(&confirm, "confirm", "", "the `fingerprint` that stands on the kit")
	return c
}

func ownKit(env Env, dirs config.Dirs, cfg config.Config) (kit, error) {
	v := &vault{env: env, dirs: dirs, cfg: cfg}
	if err := v.readKeys(); err != nil {
		return kit{}, err
	}
	if v.identity == "" {
		return kit{}, fault.New(fault.Failed, "bugspark apply", "there is no archive-identity yet")
	}
	k := kit{key: v.key, identity: v.identity}
	var err error
	if k.first, err = ownPlace(env, dirs, cfg.Backup, false); err != nil {
		return k, err
	}
	k.second, err = ownPlace(env, dirs, cfg.Backup, true)
	return k, err
}

func confirmKit(env Env, dirs config.Dirs, k kit, typed string) error {
	if strings.ToUpper(strings.TrimSpace(typed)) != k.fingerprint() {
		return fault.New(fault.Usage, "print it again: bugspark backup kit", "%q is not the fingerprint of this machine's recovery kit; is the page in your hand an old one?", typed)
	}
	if err := setup.ConfirmKit(dirs, k.fingerprint()); err != nil {
		return fault.Wrap(fault.Failed, err, "run it as root", "remembering that the kit is in a safe place")
	}
	_, err := fmt.Fprintln(env.Stdout, "The recovery kit is confirmed. Next: bugspark apply, which starts the backups.")
	return err
}

// The lines of a kit that are read again.
const (
	kitKey      = "backup-key:"
	kitIdentity = "archive-identity:"
	kitTarget   = "backup target:"
	kitCopy     = "copy:"
)

// lines are the places of a kit as it shows them, in order.
func (k *kit) lines() []kitLine {
	k.second.copy = true
	var out []kitLine
	for _, p := range []*place{&k.first, &k.second} {
		if p.secrets == nil {
			p.secrets = map[string]string{}
		}
		label, prefix := kitTarget, "target "
		if p.copy {
			label, prefix = kitCopy, "copy "
		}
		out = append(out, kitLine{label, func() string { return p.Target }, func(s string) { p.Target = s }},
			kitLine{prefix + "endpoint:", func() string { return p.Endpoint }, func(s string) { p.Endpoint = s }},
			kitLine{prefix + "region:", func() string { return p.Region }, func(s string) { p.Region = s }},
			kitLine{prefix + "host key:", func() string { return p.HostKey }, func(s string) { p.HostKey = s }})
		for _, name := range []string{accessKey, secretKey, sshKey} {
			get, set := func() string { return p.secrets[name] }, func(s string) { p.secrets[name] = s }
			if name == sshKey { // the only one of several lines
				get = func() string { return base64.StdEncoding.EncodeToString([]byte(p.secrets[sshKey])) }
				set = func(s string) {
					if pem, err := base64.StdEncoding.DecodeString(s); err == nil {
						p.secrets[sshKey] = string(pem)
					}
				}
			}
			out = append(out, kitLine{prefix + strings.ReplaceAll(name, "-", " ") + ":", get, set})
		}
	}
	return out
}

type kitLine struct {
	label string
	get   func() string
	set   func(string)
}

// places is the part of the page that says where the backups are.
func (k *kit) places() string {
	var out strings.Builder
	kind := ""
	for _, l := range k.lines() {
		text := l.get()
		if l.label == kitTarget || l.label == kitCopy {
			kind, _, _ = strings.Cut(text, ":")
		}
		remote := kind == "s3" || kind == "sftp"
		if text != "" && (remote || l.label == kitTarget || l.label == kitCopy) {
			fmt.Fprintf(&out, "%-18s %s\n", l.label, text)
		}
	}
	return out.String()
}

func (k kit) print(w io.Writer, server string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `BUGSPARK RECOVERY KIT

for %s (host %s), printed on %s

Whoever has this page and the backup target can read every backup; without it
nobody can. Keep it like the key of a safe, away from the server.

fingerprint:       %s

%s        %s
%s  %s

%s
TO CONFIRM that this page is in a safe place, on the server:

    bugspark backup kit --confirm FINGERPRINT
    bugspark apply

TO RESTORE on a new machine, with this page (or the lines above) in the file
kit.txt:

    apt install bugspark bugspark-minio
    bugspark restore --kit kit.txt --set latest

A target that is a directory is mounted first, where it was, or anywhere else and
then named with --target DIR. With --copy everything comes from the copy.

WITHOUT BUGSPARK: the file RESTORE.txt on the target says how, with the programs
kopia, age, zstd, tar and PostgreSQL.
`, server, host, time.Now().Format(time.DateOnly), k.fingerprint(), kitKey, k.key, kitIdentity, k.identity, k.places())
	return err
}

// readKit reads a kit as it was printed; of a copy by hand the two secrets are
// enough. "-" is standard input.
func readKit(env Env, name string) (*kit, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(io.LimitReader(env.Stdin, 64<<10))
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "name the file with the recovery kit", "reading the recovery kit")
	}
	k := &kit{}
	places := k.lines()
	for line := range bytes.Lines(data) {
		text := strings.TrimSpace(string(line))
		for start, into := range map[string]*string{kitKey: &k.key, kitIdentity: &k.identity} {
			if rest, ok := strings.CutPrefix(text, start); ok {
				*into = strings.TrimSpace(rest)
			}
		}
		for _, l := range places {
			if rest, ok := strings.CutPrefix(text, l.label); ok {
				l.set(strings.TrimSpace(rest))
			}
		}
	}
	if k.key == "" {
		return nil, fault.New(fault.Usage, "it has a line that begins with "+kitKey, "%s holds no recovery kit", name)
	}
	if k.identity == "" {
		return nil, fault.New(fault.Usage, "it has a line that begins with "+kitIdentity, "%s lacks the archive's identity", name)
	}
	if _, err := age.ParseX25519Identity(k.identity); err != nil {
		return nil, fault.Wrap(fault.Usage, errors.Join(err), "compare it with the page, letter by letter", "the archive's identity in %s cannot be right", name)
	}
	return k, nil
}
