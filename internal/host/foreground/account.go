package foreground

import (
	"os"
	"os/user"
	"strconv"

	"github.com/bugspark/bugspark/internal/fault"
)

// DatabaseAccount is who PostgreSQL runs as: nil for the account of this process,
// or, since it refuses to run as root, the distribution's postgres or nobody.
func DatabaseAccount() (*Account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &Account{Name: name, UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return nil, fault.New(fault.Preflight, "make an account for the database: useradd --system postgres", "PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
}
