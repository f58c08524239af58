package job

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bugspark/bugspark/internal/fault"
)

const ownScratch = "name an empty directory that the account of the backups may write to, or leave --scratch out"

// checkScratch refuses a directory of the caller's that cannot be right. A slip there
// says nothing of the backups, so it must not become a drill that failed.
func (j *Jobs) checkScratch(dir string) error {
	if dir == "" {
		return nil
	}
	if j.RestoredData != "" {
		place := filepath.Dir(j.RestoredData)
		return fault.New(fault.Usage, "run the command without --scratch; for more room, mount a volume at "+place,
			"the database of a drill is restored in %s, by an account that holds no keys and may write nowhere else", place)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.Wrap(fault.Usage, err, ownScratch, "the drill cannot work in %s", dir)
	}
	if len(entries) > 0 {
		return fault.New(fault.Usage, ownScratch, "%s is not empty, and a drill never writes over anything", dir)
	}
	return nil
}

// mayWrite is asked with the rights that the drill has.
func mayWrite(dir string) error {
	if dir == "" {
		return nil
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fault.Wrap(fault.Usage, err, ownScratch, "the drill cannot work in %s", dir)
	}
	return nil
}
