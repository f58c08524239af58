package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/objectstore"
)

// ErrNoRoom says that a volume has too little room for what is to be written.
var ErrNoRoom = errors.New("too little room")

// Need is what will be written somewhere.
type Need struct {
	What  string // for people
	Path  string
	Bytes int64
}

// slack is what a restore needs beyond what it is known to write: directories, logs,
// blocks that are not full.
const slack = 256 << 20

// replayed is the most WAL that lies in pg_wal during recovery. PostgreSQL keeps
// what it has fetched until it can make a restart point, which it does at the latest
// after a checkpoint of the server that wrote it (max_wal_size there, 2 GiB) and its
// own max_wal_size (1 GiB).
const replayed = 3 << 30

// walBytes is what replaying may write: the segments that are kept for a while, and what
// they add to the files. A database that has more than doubled since its set is not
// counted with; see Guard for it.
func (c RestorePoint) walBytes() int64 {
	stop, err := archive.ParseLSN(c.Document.Database.Stop)
	if err != nil || !c.Replay || c.Coverage.End <= stop {
		return 0
	}
	bytes := int64(c.Coverage.End - stop)
	return min(bytes, replayed) + min(bytes, c.Document.Database.Bytes)
}

// perPicture is what a picture takes beyond its bytes, and what one is counted with
// whose size is not known.
const (
	perPicture     = 8 << 10
	unknownPicture = 512 << 10
)

// MissingBytes is what PutPictures will write into a store.
func MissingBytes(ctx context.Context, c RestorePoint, r *repository.Repository, a *archive.Archive, store objectstore.Store) (int64, error) {
	there := map[string]bool{}
	for o, err := range store.List(ctx, "") {
		if err != nil {
			return 0, fmt.Errorf("listing the pictures that are there: %w", err)
		}
		there[o.Key] = true
	}
	total := int64(0)
	err := c.pictures(ctx, r, a, func(p picture) error {
		if there[p.key] {
			return nil
		}
		there[p.key] = true
		if total += p.size + perPicture; p.size < 0 {
			total += unknownPicture
		}
		return nil
	})
	return total, err
}

// What stays free on the volume of the live database, so that a restore beside it
// never stops it: a twentieth, but at least 1 GiB and at most 16 GiB, and no more
// than a tenth of a small volume.
const (
	reserveShare      = 20
	reserveSmallShare = 10
	reserveLeast      = 1 << 30
	reserveMost       = 16 << 30
)

func reserve(volume int64) int64 {
	return min(max(volume/reserveShare, min(reserveLeast, volume/reserveSmallShare)), reserveMost)
}

// room is a volume and what is to be written to it.
type room struct {
	durable.Space
	reserve int64
	needs   []Need
}

func (r room) bytes() (total int64) {
	for _, n := range r.needs {
		total += n.Bytes
	}
	return total
}

// refuse explains in numbers why it is too little.
func (r room) refuse() error {
	var parts []string
	for _, n := range r.needs {
		parts = append(parts, fmt.Sprintf("%s %d MiB", n.What, mib(n.Bytes)))
	}
	kept, beside := "", ""
	if r.reserve > 0 {
		kept, beside = fmt.Sprintf(", of which %d MiB stay free for the live database", mib(r.reserve)), " or enlarge it"
	}
	short := r.bytes() + r.reserve - r.Bytes
	return fault.Wrap(fault.Preflight, ErrNoRoom, fmt.Sprintf("free %d MiB on the volume of %s (df -h %s)%s; or name a directory on a larger volume, where one can be named", mib(short), r.Path, r.Path, beside),
		"%d MiB are needed (%s), and %s has %d MiB free%s", mib(r.bytes()), strings.Join(parts, ", "), r.Path, r.Bytes>>20, kept)
}

// mib rounds up: what is missing must not read as nothing.
func mib(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }

// CheckRoom refuses needs for which there is too little room; see checkRoom.
func CheckRoom(live string, needs []Need) error {
	if len(needs) == 0 {
		return nil
	}
	_, err := checkRoom(live, needs)
	return err
}

// checkRoom refuses needs for which a volume has too little room, beside what stays
// free on that of the live database. live is a directory on it; empty where there is
// none to care for. It returns the volume of the first need.
func checkRoom(live string, needs []Need) (room, error) {
	volumes := map[uint64]*room{}
	var order []uint64
	protected, err := volumeOf(live)
	if err != nil {
		return room{}, err
	}
	for _, n := range needs {
		space, err := durable.SpaceAt(n.Path)
		if err != nil {
			return room{}, fault.Wrap(fault.Preflight, err, "", "looking at the free space of %s", n.Path)
		}
		device, err := volumeOf(space.Path)
		if err != nil {
			return room{}, err
		}
		if volumes[device] == nil {
			volumes[device] = &room{Space: space}
			order = append(order, device)
			if live != "" && device == protected {
				volumes[device].reserve = reserve(space.Size)
			}
		}
		volumes[device].needs = append(volumes[device].needs, n)
	}
	for _, device := range order {
		if r := volumes[device]; r.Bytes < r.bytes()+r.reserve {
			return *r, r.refuse()
		}
	}
	return *volumes[order[0]], nil
}

// volumeOf is the device of a path's nearest existing parent.
func volumeOf(path string) (uint64, error) {
	if path == "" {
		return 0, nil
	}
	space, err := durable.SpaceAt(path)
	if err != nil {
		return 0, fault.Wrap(fault.Preflight, err, "", "looking at the free space of %s", path)
	}
	info, err := os.Stat(space.Path)
	if err != nil {
		return 0, fault.Wrap(fault.Preflight, err, "", "looking at the volume of %s", path)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("the volume of %s has no number", path)
	}
	return stat.Dev, nil
}

// guardInterval is how often Guard looks. A fast disk writes some gigabytes in it, of
// which the estimate before the restore has known.
const guardInterval = 500 * time.Millisecond

// Guard works as long as what is reserved for the live database stays free. Somebody
// else may fill the volume, and what replaying adds is an estimate.
func (p Plan) Guard(ctx context.Context, work func(context.Context) error) error {
	if p.reserve == 0 {
		return work(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ended, watched := make(chan struct{}), make(chan error, 1)
	go func() { watched <- p.watch(cancel, ended) }()
	err := work(ctx)
	close(ended)
	reached := <-watched
	cancel(nil)
	if err != nil && reached != nil {
		return reached
	}
	return err // what was finished before it noticed stands
}

// watch cancels the work when the reserve is reached.
func (p Plan) watch(cancel context.CancelCauseFunc, ended <-chan struct{}) error {
	for {
		space, err := durable.SpaceAt(p.Into)
		if err == nil && space.Bytes < p.reserve {
			err = fault.Wrap(fault.Failed, ErrNoRoom, "look at what fills it (df -h "+space.Path+"), free some space, then run the same command again",
				"stopped, so that the live database can go on: %s has %d MiB free, and %d MiB are reserved for it", space.Path, space.Bytes>>20, mib(p.reserve))
			cancel(err)
			return err
		}
		select {
		case <-ended:
			return nil
		case <-time.After(guardInterval):
		}
	}
}
