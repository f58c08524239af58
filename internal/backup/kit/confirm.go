package kit

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/bugspark/bugspark/internal/backup/target"
	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/durable"
	"github.com/bugspark/bugspark/internal/fault"
)

// confirmation is what is remembered of the page that was confirmed, without any secret
// of it. Everybody may read it.
type confirmation struct {
	fingerprint string // of the keys of the backups
	target      string // places, for accounts that may not read the keys of targets
	copy        string
	page        string // digest of all that the page says of targets; empty when that is not known
}

// The lines of the file, after the fingerprint.
const (
	confirmedTarget = "target: "
	confirmedCopy   = "copy: "
	confirmedPage   = "page: "
)

func confirmationFile(d config.Dirs) string {
	return filepath.Join(d.Config, "recovery-kit-confirmed")
}

// Confirm remembers that the kit is in a safe place, when what somebody has typed
// is the fingerprint of its page.
func Confirm(d config.Dirs, k Kit, typed string) error {
	typed = strings.ToUpper(strings.TrimSpace(typed))
	if typed != k.PageFingerprint() {
		why := "is the page in your hand an old one?"
		if strings.HasPrefix(typed, k.Fingerprint()) {
			why = "the page in your hand has the right keys, and is older than the backup targets in use or their keys"
		}
		return fault.New(fault.Usage, "print it again: bugspark backup kit", "%q is not the fingerprint of this machine's recovery kit; %s", typed, why)
	}
	if err := MarkConfirmed(d, k); err != nil {
		return fault.Wrap(fault.Failed, err, "run it as root", "remembering that the kit is in a safe place")
	}
	return nil
}

// MarkConfirmed remembers that a kit is in a safe place. One with nothing but the two
// secrets, as somebody has copied them by hand, does not tell what its page says of
// targets.
func MarkConfirmed(d config.Dirs, k Kit) error {
	text := k.Fingerprint() + "\n"
	if k.First.Target != "" {
		text += confirmedTarget + k.First.Place() + "\n" + confirmedCopy + k.Second.Place() + "\n" + confirmedPage + k.digest() + "\n"
	}
	return durable.WriteFile(confirmationFile(d), []byte(text), 0o644)
}

func readConfirmation(d config.Dirs) (confirmation, error) {
	var c confirmation
	data, err := os.ReadFile(confirmationFile(d))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("reading which recovery kit was confirmed: %w", err)
	}
	for line := range bytes.Lines(data) {
		text := strings.TrimRight(string(line), "\n")
		switch {
		case c.fingerprint == "":
			c.fingerprint = strings.TrimSpace(text)
		case strings.HasPrefix(text, confirmedTarget):
			c.target = text[len(confirmedTarget):]
		case strings.HasPrefix(text, confirmedCopy):
			c.copy = text[len(confirmedCopy):]
		case strings.HasPrefix(text, confirmedPage):
			c.page = text[len(confirmedPage):]
		}
	}
	return c, nil
}

// Standing is how the kit that somebody has confirmed stands to the keys and targets in
// use.
type Standing string

// What a Standing can be.
const (
	Unconfirmed    Standing = "unconfirmed" // nobody has said that a kit is in a safe place
	Confirmed      Standing = "confirmed"
	Outdated       Standing = "outdated"             // the confirmed kit has other keys
	OtherTargets   Standing = "other-targets"        // its page names other targets
	OtherSecrets   Standing = "other-target-secrets" // its page has other keys or settings of the targets
	TargetsUnknown Standing = "targets-unknown"      // it was confirmed by a version that did not remember them
	KeyMissing     Standing = "key-missing"          // backup-key or archive-identity is not there
)

// noKey is what the service manager hands over in the place of a key that is not
// there.
const noKey = "missing"

// Stand compares the keys and the targets in use with the kit that was confirmed. An
// account that may not read the keys is told whether one was, and whether it names the
// targets.
func Stand(lookup config.LookupEnv, d config.Dirs, b config.Backup) (Standing, error) {
	c, err := readConfirmation(d)
	if err != nil {
		return "", err
	}
	var keys []string
	for _, name := range []string{"backup-key", "archive-identity"} {
		key, err := config.ReadCredential(lookup, d, name)
		switch {
		case errors.Is(err, fs.ErrNotExist), err == nil && (key == "" || key == noKey):
			return KeyMissing, nil
		case errors.Is(err, fs.ErrPermission):
		case err != nil:
			return "", err
		default:
			keys = append(keys, key)
		}
	}
	whole := len(keys) == 2
	switch {
	case c.fingerprint == "":
		return Unconfirmed, nil
	case whole && Fingerprint(keys[0], keys[1]) != c.fingerprint:
		return Outdated, nil
	case c.page == "":
		return TargetsUnknown, nil
	case c.target != b.Place() || c.copy != b.Copy.Place():
		return OtherTargets, nil
	case !whole:
		return Confirmed, nil
	}
	k := Kit{BackupKey: keys[0], ArchiveIdentity: keys[1]}
	// A list that cannot be read is told by whoever reads the archive.
	k.Writers, _ = writersOf(d)
	var first, second error
	k.First, first = target.EndpointOf(lookup, d, b, false)
	k.Second, second = target.EndpointOf(lookup, d, b, true)
	// A key of a target that is missing here is on the page. That the target cannot be
	// reached is told elsewhere.
	if first == nil && second == nil && k.digest() != c.page {
		return OtherSecrets, nil
	}
	return Confirmed, nil
}
