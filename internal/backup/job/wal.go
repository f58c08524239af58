package job

import (
	"context"
	"errors"
	"time"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/history"
	"github.com/bugspark/bugspark/internal/backup/target"
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
	r := &pgcluster.Receiver{
		Upstream: up, Spool: history.File(j.Dirs, spool), Limit: int64(j.Config.Backup.SpoolMiB) << 20, Log: j.Log,
		RequestSet: func(why string) error { return history.RequestSet(j.Dirs, why) },
	}
	return r.Run(ctx)
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
			Archive: &archive.Archive{Target: target.Reserved{Store: store, Bytes: target.Reserve}, Recipient: recipient},
			Source:  source, Objects: objects, Now: time.Now, Log: j.Log,
		},
		Spool: history.File(j.Dirs, spool), System: source.System, Target: own, Store: shipperState{j.Dirs},
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
