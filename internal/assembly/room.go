package assembly

import (
	"path/filepath"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/tracker"
)

// dataDirs are the directories of this machine that reports and pictures fill.
func dataDirs(c config.Config, d config.Dirs) []string {
	var out []string
	if c.Database.Mode == "managed" {
		out = append(out, filepath.Join(d.State, "postgres"))
	}
	switch c.Storage.Engine {
	case "minio":
		out = append(out, filepath.Join(d.State, "minio"))
	case "filesystem":
		out = append(out, filepath.Join(d.State, "pictures"))
	}
	return out
}

// lowDisk is the first disk of the data that has less room than the reserve, if any.
func lowDisk(c config.Config, d config.Dirs) (durable.Space, bool, error) {
	for _, dir := range dataDirs(c, d) {
		space, err := durable.SpaceAt(dir)
		if err != nil {
			return space, false, err
		}
		if space.Bytes < int64(c.Limits.FreeSpaceMiB)<<20 {
			return space, true, nil
		}
	}
	return durable.Space{}, false, nil
}

// roomTime is how long an answer about the disks is good: a second of uploads at full
// speed is small beside the reserve.
const roomTime = time.Second

// room returns a check that fails while a disk of the data is at its reserve. A disk that
// cannot be asked does not keep reports out.
func (p *Parts) room() func() error {
	var mu sync.Mutex
	var asked time.Time
	var full error
	return func() error {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(asked) < roomTime {
			return full
		}
		before := full
		asked, full = time.Now(), nil
		space, below, err := lowDisk(p.Config, p.Dirs)
		switch {
		case err != nil:
			p.Log.Warn("asking for the free space of the data", "error", err)
		case below:
			full = tracker.Errorf(tracker.Full, "this server's disk is almost full, so it takes no reports and pictures; its administrator sees why with 'bugspark status'")
			if before == nil {
				p.Log.Warn("reports and pictures are refused", "free_mib", space.Bytes>>20, "at", space.Path, "limits.free_space_mib", p.Config.Limits.FreeSpaceMiB)
			}
		case before != nil:
			p.Log.Info("reports and pictures are taken again")
		}
		return full
	}
}
