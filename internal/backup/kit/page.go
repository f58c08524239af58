package kit

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

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/fault"
)

// The lines of the page that are read again.
const (
	keyLabel      = "backup-key:"
	identityLabel = "archive-identity:"
	writerLabel   = "archive-writer:"
	targetLabel   = "backup target:"
	copyLabel     = "copy:"
)

// line is one line of the page about a target.
type line struct {
	label string
	get   func() string
	set   func(string)
}

// lines are the lines about the kit's targets, in the order of the page.
func (k *Kit) lines() []line {
	k.Second.Copy = true
	var out []line
	for _, e := range []*target.Endpoint{&k.First, &k.Second} {
		if e.Secrets == nil {
			e.Secrets = map[string]string{}
		}
		label, prefix := targetLabel, "target "
		if e.Copy {
			label, prefix = copyLabel, "copy "
		}
		out = append(out, line{label, func() string { return e.Target }, func(s string) { e.Target = s }},
			line{prefix + "endpoint:", func() string { return e.Endpoint }, func(s string) { e.Endpoint = s }},
			line{prefix + "region:", func() string { return e.Region }, func(s string) { e.Region = s }},
			line{prefix + "host key:", func() string { return e.HostKey }, func(s string) { e.HostKey = s }})
		for _, name := range []string{target.AccessKey, target.SecretKey, target.SSHKey} {
			get, set := func() string { return e.Secrets[name] }, func(s string) { e.Secrets[name] = s }
			if name == target.SSHKey { // the only secret of several lines
				get = func() string { return base64.StdEncoding.EncodeToString([]byte(e.Secrets[target.SSHKey])) }
				set = func(s string) {
					if pem, err := base64.StdEncoding.DecodeString(s); err == nil {
						e.Secrets[target.SSHKey] = string(pem)
					}
				}
			}
			out = append(out, line{prefix + strings.ReplaceAll(name, "-", " ") + ":", get, set})
		}
	}
	return out
}

// targets is the part of the page that says where the backups are.
func (k Kit) targets() string {
	var out strings.Builder
	kind := ""
	for _, l := range k.lines() {
		text := l.get()
		if l.label == targetLabel || l.label == copyLabel {
			kind, _, _ = strings.Cut(text, ":")
		}
		remote := kind == "s3" || kind == "sftp"
		if text != "" && (remote || l.label == targetLabel || l.label == copyLabel) {
			fmt.Fprintf(&out, "%-18s %s\n", l.label, text)
		}
	}
	return out.String()
}

// writers are the lines with the public keys of the archivers.
func (k Kit) writers() string {
	var out strings.Builder
	for _, key := range k.Writers {
		fmt.Fprintf(&out, "%-18s %s\n", writerLabel, base64.StdEncoding.EncodeToString(key))
	}
	return out.String()
}

// sums are lines as sha256sum writes and reads them.
func (k Kit) sums() string {
	var out strings.Builder
	for _, s := range k.Rescue {
		fmt.Fprintf(&out, "%s  %s\n", s.SHA256, s.Name)
	}
	return out.String()
}

// Print writes the page.
func (k Kit) Print(w io.Writer, server string) error {
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
%s
TO CONFIRM that this page is in a safe place, on the server:

    bugspark backup kit --confirm FINGERPRINT

TO RESTORE on a new machine, with this page (or the lines above) in the file
kit.txt, once the repository of the packages is known there:

    apt install bugspark bugspark-minio
    bugspark restore --kit kit.txt --set latest

A target that is a directory is mounted first, where it was, or anywhere else and
then named with --target DIR. With --copy everything comes from the copy.

WITHOUT BUGSPARK: the file RESTORE.txt on the target says how, with the programs
kopia, age, zstd, tar and PostgreSQL. Whoever can write to the target can change
that text and the programs beside it, so compare them before you read or run any:

    sha256sum RESTORE.txt rescue/*

%s
Other versions of bugspark have other texts and programs.
`, server, host, time.Now().Format(time.DateOnly), k.PageFingerprint(), keyLabel, k.BackupKey, identityLabel, k.ArchiveIdentity, k.writers(), k.targets(), k.sums())
	return err
}

// kitWritersAtMost bounds how many lines of a page name a public key.
const kitWritersAtMost = 16

// Parse reads a page as it was printed. The two secrets alone are enough, as in a
// copy by hand. name is where the page comes from, for messages.
func Parse(name string, data []byte) (*Kit, error) {
	k := &Kit{}
	about := k.lines()
	for text := range bytes.Lines(data) {
		text := strings.TrimSpace(string(text))
		for label, into := range map[string]*string{keyLabel: &k.BackupKey, identityLabel: &k.ArchiveIdentity} {
			if rest, ok := strings.CutPrefix(text, label); ok {
				*into = strings.TrimSpace(rest)
			}
		}
		if rest, ok := strings.CutPrefix(text, writerLabel); ok {
			key, err := writer.Parse([]byte(rest))
			if err != nil || len(key.Writers) != 1 || len(key.Retired) > 0 || len(k.Writers) == kitWritersAtMost {
				return nil, fault.Wrap(fault.Usage, err, "compare it with the page, letter by letter", "a line with %s in %s cannot be right", writerLabel, name)
			}
			k.Writers = append(k.Writers, key.Writers[0])
		}
		for _, l := range about {
			if rest, ok := strings.CutPrefix(text, l.label); ok {
				l.set(strings.TrimSpace(rest))
			}
		}
	}
	if k.BackupKey == "" {
		return nil, fault.New(fault.Usage, "it has a line that begins with "+keyLabel, "%s holds no recovery kit", name)
	}
	if k.ArchiveIdentity == "" {
		return nil, fault.New(fault.Usage, "it has a line that begins with "+identityLabel, "%s lacks the archive's identity", name)
	}
	if _, err := age.ParseX25519Identity(k.ArchiveIdentity); err != nil {
		return nil, fault.Wrap(fault.Usage, errors.Join(err), "compare it with the page, letter by letter", "the archive's identity in %s cannot be right", name)
	}
	return k, nil
}
