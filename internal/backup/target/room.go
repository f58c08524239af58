package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Survives is what the backups on a target outlive, the least first.
type Survives int

// The whereabouts of a target.
const (
	Mistakes Survives = iota // it is on the file system of the data
	Disk                     // it is on another file system of this machine
	Machine                  // it is elsewhere
)

// Room is where a target is, and what is free there.
type Room struct {
	Free     int64 // bytes, or -1 when the target does not tell
	Survives Survives
	Reserve  int64 // bytes that backups leave free, because the data needs them
}

// patienceForRoom is how long a target may take to tell its room.
const patienceForRoom = 5 * time.Second

// Room asks for the room of the endpoint; state is the directory of the data. It is
// an error when the target is away. Another goroutine asks, because a network mount
// whose server is gone blocks its caller for ever.
func (e Endpoint) Room(state string) (Room, error) {
	s, err := e.Open()
	if err != nil {
		return Room{Free: -1}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patienceForRoom)
	defer cancel()
	type answer struct {
		room Room
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		defer s.Close()
		room, err := roomOf(ctx, s, state)
		got <- answer{room, err}
	}()
	select {
	case a := <-got:
		return a.room, a.err
	case <-ctx.Done():
		return Room{Free: -1}, fmt.Errorf("no answer in %s", patienceForRoom)
	}
}

func roomOf(ctx context.Context, s Store, state string) (Room, error) {
	_, err := s.Stat(ctx, OwnerFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Room{Free: -1}, ErrAway
	// An account that may not read the directory may still ask for its free space.
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return Room{Free: -1}, err
	}
	room, err := Whereabouts(s, state)
	if err != nil {
		return Room{Free: -1}, err
	}
	room.Free, err = s.Free(ctx)
	if errors.Is(err, ErrSpaceUnknown) {
		room.Free, err = -1, nil
	}
	return room, err
}

// Whereabouts tells where a store is, seen from the directory of the data.
func Whereabouts(s Store, state string) (Room, error) {
	d, ok := s.(Directory)
	if !ok {
		return Room{Survives: Machine}, nil
	}
	there, err := fileSystem(string(d))
	if err != nil {
		return Room{}, err
	}
	here, err := fileSystem(state)
	if err != nil {
		return Room{}, err
	}
	switch {
	case there.same(here):
		return Room{Survives: Mistakes, Reserve: reserveOf(here.size)}, nil
	case there.remote():
		return Room{Survives: Machine}, nil
	}
	return Room{Survives: Disk}, nil
}

// The share of their file system that backups leave to database and pictures, and
// the most that this is. WAL that waits for the target and the database's own WAL
// find room in it.
const (
	reservePercent = 30
	reserveMost    = 20 << 30
)

func reserveOf(size int64) int64 { return min(size/100*reservePercent, reserveMost) }

type volume struct {
	device uint64
	kind   int64 // magic number
	size   int64 // bytes
}

func fileSystem(path string) (volume, error) {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if err := errors.Join(unix.Stat(path, &st), unix.Statfs(path, &fs)); err != nil {
		return volume{}, fmt.Errorf("looking at the file system of %s: %w", path, err)
	}
	return volume{st.Dev, int64(fs.Type), int64(fs.Blocks) * fs.Bsize}, nil
}

// same tells whether two paths share their room. Subvolumes of btrfs have devices of
// their own and share the room.
func (v volume) same(w volume) bool {
	return v.device == w.device || v.kind == unix.BTRFS_SUPER_MAGIC && v.kind == w.kind && v.size == w.size
}

// The kinds of file systems of other machines that have no constant in x/sys.
const (
	cephMagic    = 0x00C36400
	lustreMagic  = 0x0BD00BD0
	gpfsMagic    = 0x47504653
	smbTwoMagic  = 0xFE534D42
	beegfsMagic  = 0x19830326
	kernelNoDisk = 0 // major number of devices that are no block device
)

// remote tells whether the file system is another machine's. One that is not known
// counts as this machine's, which promises less.
func (v volume) remote() bool {
	known := []int64{unix.NFS_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, smbTwoMagic, unix.AFS_SUPER_MAGIC,
		unix.V9FS_MAGIC, cephMagic, lustreMagic, gpfsMagic, beegfsMagic}
	// Of FUSE those with a disk below (ntfs-3g) have its device, others are servers.
	return slices.Contains(known, v.kind) || v.kind == unix.FUSE_SUPER_MAGIC && unix.Major(v.device) == kernelNoDisk
}

// ReserveBeside is what backups leave free of the file system of a directory.
func ReserveBeside(state string) (int64, error) {
	v, err := fileSystem(state)
	return reserveOf(v.size), err
}
