package cli

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/bugspark/bugspark/internal/fault"
)

// The accounts of services that commands act as.
const (
	backupAccount   = "bugspark-backup"
	postgresAccount = "bugspark-postgres"
)

// credential is an account as a process takes it; nil where we cannot or need
// not change: we are not root, or the package and its accounts are not
// installed, as in development.
func credential(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	var unknown user.UnknownUserError
	if errors.As(err, &unknown) {
		return nil, nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Preflight, err, "install the package again: apt install --reinstall bugspark", "looking for the account %s", name)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("reading the groups of %s: %w", name, err)
	}
	number := func(s string) (n uint32) {
		parsed, parsing := strconv.ParseUint(s, 10, 32)
		err = errors.Join(err, parsing)
		return uint32(parsed)
	}
	c := &syscall.Credential{Uid: number(u.Uid), Gid: number(u.Gid)}
	for _, g := range groups {
		c.Groups = append(c.Groups, number(g))
	}
	return c, err
}

// stepDown makes this process the account's, for good: what root started then
// leaves files that the services can use, and can do no more than they.
func stepDown(name string) error {
	c, err := credential(name)
	if err != nil || c == nil {
		return err
	}
	groups := make([]int, len(c.Groups))
	for i, g := range c.Groups {
		groups[i] = int(g)
	}
	if err := errors.Join(syscall.Setgroups(groups), syscall.Setresgid(int(c.Gid), int(c.Gid), int(c.Gid)), syscall.Setresuid(int(c.Uid), int(c.Uid), int(c.Uid))); err != nil {
		return fmt.Errorf("becoming %s: %w", name, err)
	}
	return nil
}
