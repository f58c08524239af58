package repository

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Sync brings everything of a target's file system to its disk. kopia syncs its
// files but not the directories that name them, so a power cut could take a set
// that was reported as saved.
func Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing the backup target: %w", err)
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("syncing the backup target %s: %w", dir, err)
	}
	return nil
}
