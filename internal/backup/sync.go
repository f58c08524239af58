package backup

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll brings the file system of a restored directory to its disk. One call is
// much faster than one for each of many small files.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the restored data: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("syncing the restored data in %s: %w", dir, err)
	}
	return nil
}
