package repository

import (
	"context"
	"regexp"

	"github.com/kopia/kopia/repo/blob"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/fault"
)

// unreadableIndex is how kopia names an index that its key does not open. It reads all of
// them, and gives up at the first that fails.
var unreadableIndex = regexp.MustCompile(`error loading index blob ([0-9a-z_-]+): decrypt blob`)

// explainIndex names the file of a target because of which nothing in it can be read.
func explainIndex(ctx context.Context, t target.Store, err error) error {
	m := unreadableIndex.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	_, name, failed := newFiles(t).GetShardedPathAndFilePath(ctx, blob.ID(m[1]))
	if failed != nil {
		return err
	}
	return fault.Wrap(fault.Failed, err,
		"move that file away from there, and from the other target as well if it has one of that name; then 'bugspark backup verify' tells whether any set is missing",
		"the sets on %s cannot be read, because its file %s is damaged or none of ours", t, name)
}
