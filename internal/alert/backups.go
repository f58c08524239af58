package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

// backupProblems is what the backup check found wrong when it last ran through.
type backupProblems struct {
	list []Problem
	at   time.Time
}

// explain tells whether the list is what the failed run of the check found, and
// not an older one. systemd's times are read in whole seconds.
func (b backupProblems) explain(check UnitState) bool {
	return len(b.list) > 0 && !check.Started.IsZero() && !b.at.Before(check.Started.Truncate(time.Second))
}

const (
	largestFile  = 64 << 10
	mostProblems = 20
	longestText  = 2 << 10
)

// problemKey is the form of the keys that the check gives. They must not look like
// units, whose failures are known by their names.
var problemKey = regexp.MustCompile(`^backup\.[a-z][a-z0-9-]{0,60}$`)

// readBackupProblems reads the file that the check writes. Another account owns it,
// so it must be a plain file, entries with other keys are left out, and only so many
// count. A file that is not there means that nothing is wrong.
func (n *Notifier) readBackupProblems() (backupProblems, error) {
	if n.BackupProblems == "" {
		return backupProblems{}, nil
	}
	// A link, or a pipe that nobody writes to, must not lead elsewhere or hang.
	f, err := os.OpenFile(n.BackupProblems, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return backupProblems{}, nil
	}
	if err != nil {
		return backupProblems{}, fmt.Errorf("reading the problems of the backups: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return backupProblems{}, fmt.Errorf("reading the problems of the backups: %w", err)
	}
	if !info.Mode().IsRegular() {
		return backupProblems{}, fmt.Errorf("reading the problems of the backups: %s is no plain file", n.BackupProblems)
	}
	out := backupProblems{at: info.ModTime()}
	data, err := io.ReadAll(io.LimitReader(f, largestFile))
	if err != nil {
		return out, fmt.Errorf("reading the problems of the backups: %w", err)
	}
	var list []Problem
	if err := json.Unmarshal(data, &list); err != nil {
		return out, fmt.Errorf("reading the problems of the backups: %s: %w", n.BackupProblems, err)
	}
	seen := map[string]bool{}
	for _, p := range list {
		p = Problem{Key: p.Key, Unit: CheckUnit, Text: cut(p.Text, longestText)}
		if !problemKey.MatchString(p.Key) || seen[p.Key] || len(out.list) == mostProblems {
			continue
		}
		if p.Text == "" {
			p.Text = p.Key
		}
		seen[p.Key] = true
		out.list = append(out.list, p)
	}
	return out, nil
}

// cut shortens a text to at most n bytes, at the border of a character.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && text[n]&0xC0 == 0x80 {
		n--
	}
	return text[:n]
}
