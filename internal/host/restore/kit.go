package restore

import (
	"strings"

	"filippo.io/age"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/kit"
	"github.com/bugspark/bugspark/internal/fault"
)

// ownKit refuses the kit of another installation on a machine that is set up, whose
// secrets would not fit the database that comes. A machine that has lost its keys
// cannot tell, and takes the kit.
func (r *Restorer) ownKit() error {
	key, identity, err := kit.Keys(r.Lookup, r.Dirs)
	if err != nil || identity == "" {
		return nil
	}
	own, given := kit.Fingerprint(key, identity), kit.Fingerprint(r.Session.BackupKey, r.Session.ArchiveIdentity)
	if own == given {
		return nil
	}
	return fault.New(fault.Preflight, "take the kit with the fingerprint "+own+"; to look into the other backups: bugspark restore --kit FILE --set latest --into DIR",
		"the recovery kit %s is of another installation; the one of this machine has the fingerprint %s. Nothing was changed", given, own)
}

// sameArchive refuses a kit that opens the sets and not the archive beside them. A
// set knows to whom its archive was encrypted.
func (p *Plan) sameArchive() error {
	saved := strings.TrimSpace(string(p.files[backup.CredentialsDir+"archive-recipient"]))
	if saved == "" {
		return nil
	}
	identity, err := age.ParseX25519Identity(strings.TrimSpace(p.r.Session.ArchiveIdentity))
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "take the archive-identity from the recovery kit of the server that made these backups", "the archive's identity cannot be used")
	}
	if has := identity.Recipient().String(); has != saved {
		return fault.New(fault.Preflight, "take the archive-identity from the recovery kit of the server that made these backups",
			"the archive of set %s was encrypted to %s, and the archive-identity opens what was encrypted to %s. Nothing was changed", p.Point.Set, saved, has)
	}
	return nil
}
