package pgcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// client is a program of PostgreSQL that connects to a customer's server. It runs as an
// account that owns nothing of root's, without a terminal: what it is told may come from
// somebody who wants more than the database.
type client struct {
	password    string
	keyPassword string              // of the private key, if it has one
	account     *syscall.Credential // nil: the account of this process
}

// start starts the program. The password is in a file that has no name and only its
// account can read: everybody reads command lines, and the account's other processes,
// and what this one starts, read an environment.
func (c client) start(cmd *exec.Cmd) error {
	if err := c.prepare(cmd); err != nil {
		return err
	}
	err := cmd.Start()
	return errors.Join(err, closeFiles(cmd))
}

func (c client) prepare(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Credential = true, c.account
	for _, secret := range []struct{ value, variable, before string }{
		{strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(c.password), "PGPASSFILE", "*:*:*:*:"},
		{c.keyPassword, "PGSERVICEFILE", "[" + service + "]\nsslpassword="},
	} {
		if secret.value == "" {
			continue
		}
		f, err := nameless(secret.before, secret.value, c.account)
		if err != nil {
			return errors.Join(fmt.Errorf("handing over a password of the database: %w", err), closeFiles(cmd))
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=/proc/self/fd/%d", secret.variable, 2+len(cmd.ExtraFiles)))
	}
	if c.keyPassword != "" {
		cmd.Env = append(cmd.Env, "PGSERVICE="+service)
	}
	return nil
}

// closeFiles closes what the program has got by now.
func closeFiles(cmd *exec.Cmd) error {
	var err error
	for _, f := range cmd.ExtraFiles {
		err = errors.Join(err, f.Close())
	}
	return err
}

// nameless is a file in memory for libpq, which wants one that nobody but its reader may
// read.
func nameless(before, secret string, account *syscall.Credential) (*os.File, error) {
	if strings.ContainsAny(secret, "\r\n\x00") {
		return nil, errors.New("it has more than one line")
	}
	fd, err := unix.MemfdCreate("secret", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "secret")
	_, err = f.WriteString(before + secret + "\n")
	if err == nil {
		err = f.Chmod(0o600)
	}
	if err == nil && account != nil {
		err = f.Chown(int(account.Uid), int(account.Gid))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
