// Package account deals with the system accounts of the services: it looks them
// up, becomes one of them, gives them files, and tells what they may read.
package account

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// The accounts that root acts for. Everything else about accounts stands in the
// units.
const (
	Backup   = "bugspark-backup"
	Postgres = "bugspark-postgres"
	Proxy    = "bugspark-proxy"
	API      = "bugspark-api"
	Scratch  = "bugspark-scratch"
	Migrate  = "bugspark-migrate"
)

// Lookup returns an account as a child process takes it. It is nil where the
// process cannot or need not change accounts: it is not root's, or the package
// and its accounts are not installed, as in development.
func Lookup(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	c, err := find(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, missing(err, name)
	}
	return c, nil
}

// Exists tells whether the package's account is installed, whoever asks.
func Exists(name string) bool {
	_, err := user.Lookup(name)
	return err == nil
}

func missing(err error, name string) error {
	return fault.Wrap(fault.Preflight, err, "install the package again: apt install --reinstall bugspark", "looking for the account %s", name)
}

func find(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("reading the groups of %s: %w", name, err)
	}
	number := func(s string) uint32 {
		n, parsing := strconv.ParseUint(s, 10, 32)
		err = errors.Join(err, parsing)
		return uint32(n)
	}
	c := &syscall.Credential{Uid: number(u.Uid), Gid: number(u.Gid)}
	for _, g := range groups {
		c.Groups = append(c.Groups, number(g))
	}
	return c, err
}

// StepDown makes this process the account's for good. What it writes from then
// on belongs to the account, and it can do no more than the account. It does
// nothing where Lookup returns nil.
func StepDown(name string) error {
	c, err := Lookup(name)
	if err != nil || c == nil {
		return err
	}
	groups := make([]int, len(c.Groups))
	for i, g := range c.Groups {
		groups[i] = int(g)
	}
	// The user goes last: without root's rights the groups could not be changed.
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setresgid(int(c.Gid), int(c.Gid), int(c.Gid)), syscall.Setresuid(int(c.Uid), int(c.Uid), int(c.Uid))); err != nil {
		return fmt.Errorf("becoming %s: %w", name, err)
	}
	return nil
}

// MakeDir makes a directory below one that is root's, if it is missing, and gives it to
// an account. What is in it stays as it is.
func MakeDir(path string, c *syscall.Credential) error {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if c == nil {
		return nil
	}
	return durable.GiveDir(path, int(c.Uid), int(c.Gid))
}
