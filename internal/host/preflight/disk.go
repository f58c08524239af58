package preflight

import (
	"context"

	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// A first start needs room for the cluster, its WAL and a spare gigabyte, and a
// file for every table and index.
const (
	minimumFree   = 2 << 30
	minimumInodes = 10_000
)

// Disk wants room below a directory, which need not exist yet.
func Disk(dir string) Check {
	return Check{"disk", "enough free space", Machine, func(context.Context) error {
		space, err := durable.SpaceAt(dir)
		if err != nil {
			return fault.Wrap(fault.Preflight, err, "df "+dir, "looking at the free space of %s", dir)
		}
		return enough(space, dir)
	}}
}

func enough(s durable.Space, dir string) error {
	if s.Bytes < minimumFree {
		return fault.New(fault.Preflight, "free some space or mount a larger volume at "+dir,
			"%s has %d MiB free, and %d MiB are needed", s.Path, s.Bytes>>20, int64(minimumFree)>>20)
	}
	if s.Inodes >= 0 && s.Inodes < minimumInodes {
		return fault.New(fault.Preflight, "free some inodes or mount another volume at "+dir, "%s has only %d inodes left", s.Path, s.Inodes)
	}
	return nil
}
