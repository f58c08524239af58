package restore

import (
	"context"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/backup"
)

// live is the directory of the live database: what a restore writes leaves room on
// its volume.
func (r *Restorer) live() string { return filepath.Join(r.Dirs.State, "postgres") }

// pictureNeeds is the room for the pictures that come back into an object store of
// ours. One that does not answer, as on a new machine, is counted as empty.
func (p *Plan) pictureNeeds(ctx context.Context) []backup.Need {
	if p.Config.Storage.Engine != "minio" {
		return nil
	}
	bytes := int64(-1)
	if !p.NewMachine {
		if objects, err := p.machine.Objects(); err == nil {
			if missing, err := backup.MissingBytes(ctx, p.Point, p.r.Session.Repository, p.archive, objects); err == nil {
				bytes = missing
			}
		}
	}
	if bytes < 0 {
		bytes = p.Point.Document.Objects.Bytes
	}
	return []backup.Need{{What: "pictures", Path: filepath.Join(p.r.Dirs.State, "minio"), Bytes: bytes}}
}
