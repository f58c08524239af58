package cli

import (
	"context"
	"time"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/fault"
)

// offerLogical names the other way when the set's major version of PostgreSQL
// is not installed. It is older than what a replay of WAL brings back, so it is
// not taken unasked.
func (x *restoration) offerLogical(ctx context.Context, refused error) error {
	l, err := backup.LastLogical(ctx, x.r)
	if err != nil || l.ID == "" || !x.isNew {
		return refused
	}
	return fault.Wrap(fault.Preflight, refused, "install it; or add --logical, which brings back the state of "+l.CreatedAt.Local().Format(time.DateTime)+" onto the version that is installed",
		"replaying WAL needs the same major version")
}

// runLogical makes a new database of the installed version and loads the copy.
func (x *restoration) runLogical(ctx context.Context) (restored, error) {
	out := restored{RestorePoint: x.choice, Changed: true}
	if err := x.install(ctx); err != nil {
		return out, err
	}
	x.say("make a new database")
	if err := x.Start(ctx, x.set.ProvidersOf("database")...); err != nil {
		return out, err
	}
	cluster, err := openCluster(x.env)
	if err != nil {
		return out, err
	}
	p := newTransfer(x.env, x.silent)
	err = backup.Load(ctx, x.r, x.choice.Set, cluster, p.report)
	p.finish()
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause and run the same command again", "loading the logical copy")
	}
	if out.Pictures, err = x.pictures(ctx, p); err != nil {
		return out, err
	}
	if out.Recovered, err = backup.Count(ctx, cluster); err != nil {
		return out, err
	}
	return out, x.finish(ctx)
}

// pictures prepares the object store and brings back what it lacks.
func (x *restoration) pictures(ctx context.Context, p *transfer) (backup.PictureCounts, error) {
	objects, err := openObjects(x.env, x.v.cfg, x.v.dirs)
	if err != nil {
		return backup.PictureCounts{}, err
	}
	if err := objects.Prepare(ctx); err != nil {
		return backup.PictureCounts{}, fault.Wrap(fault.Failed, err, "journalctl -u bugspark-minio -u bugspark-storage -e", "preparing the object store")
	}
	out, err := backup.PutPictures(ctx, x.choice, x.r, x.a, objects, p.report)
	p.finish()
	if err != nil {
		return out, fault.Wrap(fault.Failed, err, "correct the cause and run the same command again; pictures that came back stay", "bringing back the pictures")
	}
	return out, nil
}
