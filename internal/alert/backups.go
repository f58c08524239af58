package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
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
	largestFile = 1 << 20
	longestKey  = 200
	longestText = 8 << 10
)

// readBackupProblems reads the file that the check writes. Another account
// writes it, so entries without a key are left out and long ones are cut. A
// file that is not there means that nothing is wrong.
func (n *Notifier) readBackupProblems() (backupProblems, error) {
	if n.BackupProblems == "" {
		return backupProblems{}, nil
	}
	f, err := os.Open(n.BackupProblems)
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
		p = Problem{Key: cut(p.Key, longestKey), Unit: CheckUnit, Text: cut(p.Text, longestText)}
		// The check's own name would be taken for its failure.
		if p.Key == "" || p.Key == CheckUnit || seen[p.Key] {
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
