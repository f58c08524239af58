package job

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/backup/writer"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// spool is the directory below STATE/backup for received WAL.
const spool = "spool"

// Receive receives WAL into the spool until ctx ends.
func (j *Jobs) Receive(ctx context.Context) error {
	up, err := j.upstream()
	if err != nil {
		return err
	}
	limit, err := j.spoolLimit()
	if err != nil {
		return err
	}
	r := &pgcluster.Receiver{
		Upstream: up, Spool: history.File(j.Dirs, spool), Limit: limit, Reserve: int64(j.Config.Limits.FreeSpaceMiB) << 20, Log: j.Log,
		RequestSet: func(why string) error { return history.RequestSet(j.Dirs, why) },
		Arrived: func(dir string, timeline uint32, since time.Time) error {
			return archive.WriteStay(dir, archive.Stay{Timeline: timeline, Since: since.UTC()})
		},
	}
	return r.Run(ctx)
}

// spoolLimit is what is configured, but never more than a third of what backups
// leave to the data: the spool is on the data's disk, and so is the WAL that the
// server keeps once the spool is full.
func (j *Jobs) spoolLimit() (int64, error) {
	reserve, err := target.ReserveBeside(j.Dirs.State)
	return spoolWithin(j.Config.Backup.SpoolMiB, reserve), err
}

func spoolWithin(mib int, reserve int64) int64 { return min(int64(mib)<<20, reserve/3) }

// LargestTimeline is the largest timeline of a cluster of which WAL waits in the spool.
func (j *Jobs) LargestTimeline(system string) (uint32, error) {
	return archive.LargestTimeline(filepath.Join(history.File(j.Dirs, spool), system))
}

// Ship brings WAL and new pictures to the target until ctx ends.
func (j *Jobs) Ship(ctx context.Context) error {
	text, err := config.ReadCredential(j.Lookup, j.Dirs, "archive-recipient")
	if err != nil {
		return err
	}
	recipient, err := age.ParseX25519Recipient(text)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "remove the file and run 'bugspark apply', which derives it again", "the credential archive-recipient cannot be used")
	}
	text, err = config.ReadCredential(j.Lookup, j.Dirs, writer.Credential)
	if err != nil {
		return err
	}
	signer, err := writer.ParseKey(text)
	if err != nil {
		return fault.Wrap(fault.Failed, err, "remove the file and run 'bugspark apply', which makes another one", "the credential %s cannot be used", writer.Credential)
	}
	writers, err := j.writers()
	if err != nil {
		return err
	}
	public, _ := signer.Public().(ed25519.PublicKey) // what package ed25519 returns
	writers = writers.Using(public)                  // until the next apply the file may lack it
	objects, err := j.Objects()
	if err != nil {
		return err
	}
	source, err := j.walSource()
	if err != nil {
		return err
	}
	defer source.Close()
	endpoint, err := target.EndpointOf(j.Lookup, j.Dirs, j.Config.Backup, false)
	if err != nil {
		return err
	}
	store, err := endpoint.Open()
	if err != nil {
		return err
	}
	defer store.Close()
	own, err := endpoint.Own(j.Dirs, store)
	if err != nil {
		return err
	}
	l := &archive.Loop{
		Shipper: archive.Shipper{
			Archive: &archive.Archive{Target: own.Guard(j.journaled(endpoint, target.Beside{Store: store, State: j.Dirs.State, Bytes: target.Reserve}, true)), Recipient: recipient, Signer: signer, Writers: writers.Writers, Retired: writers.Retired},
			Source:  source, Objects: objects, Now: time.Now, Log: j.Log,
		},
		Spool: history.File(j.Dirs, spool), System: source.System, Target: own, Store: shipperState{j.Dirs}, Place: j.Config.Backup.Place(),
	}
	return l.Run(ctx)
}

// shipperState is the history as the shipper reads and writes it.
type shipperState struct{ dirs config.Dirs }

var _ archive.StateStore = shipperState{}

func (m shipperState) State() (archive.State, error) {
	var s archive.State
	_, err := durable.ReadJSON(history.File(m.dirs, history.WALFile), &s)
	return s, err
}

func (m shipperState) Save(s archive.State) error { return history.Write(m.dirs, history.WALFile, s) }

func (m shipperState) LastSetStart() (string, error) {
	h, err := history.Read(m.dirs)
	return h.Set.Start, err
}

func (m shipperState) RequestSet(why string) error { return history.RequestSet(m.dirs, why) }

func (m shipperState) RepeatRequest(now time.Time) error { return history.RepeatRequest(m.dirs, now) }

// FetchWAL gets one WAL file for a server in recovery, from the restore or drill
// that listens on a socket. It reports whether there is such a file.
func FetchWAL(ctx context.Context, socket, name, path string) (found bool, err error) {
	err = archive.Fetch(ctx, socket, name, path)
	if errors.Is(err, archive.ErrMissing) {
		return false, nil
	}
	return err == nil, err
}
