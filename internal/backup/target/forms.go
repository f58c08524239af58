package target

import (
	"regexp"
	"strings"
)

var (
	// setsForm are kopia's files: its settings, packs, indexes with what it notes of
	// them, and sessions. Names longer than 20 characters lie in directories named by
	// their first one and next three.
	setsForm  = regexp.MustCompile(`^(kopia\.[a-z]+|[pqs][0-9a-f]{32}(-s[0-9a-f]+)?|x(n[0-9]+|s[0-9]+|r[0-9]+_[0-9]+)_[0-9a-f]{32}(-s[0-9a-f]+)?(-c[0-9]+)?|x[we][0-9]+|[nml][0-9a-f]{32}(-s[0-9a-f]+)?(-c[0-9]+)?)$`)
	setsShard = regexp.MustCompile(`^[a-z]/[^/]{3}/[^/]+$`)
	walForm   = regexp.MustCompile(`^[0-9]+/([0-9A-F]{24}(\.[0-9]{8}-[0-9]{8})?|[0-9A-F]{8}\.(history|live))\.zst\.age$`)
)

// hasForm tells whether sets and archive have files of such a name. Others the mirror
// leaves where they are.
func hasForm(name string) bool {
	if rest, ok := strings.CutPrefix(name, setsDir); ok {
		id, isBlob := strings.CutSuffix(rest, ".f")
		if strings.Contains(id, "/") && !setsShard.MatchString(id) {
			return false
		}
		return rest == ".shards" || isBlob && setsForm.MatchString(strings.ReplaceAll(id, "/", ""))
	}
	if rest, ok := strings.CutPrefix(name, walDir); ok {
		return walForm.MatchString(rest)
	}
	return !strings.HasPrefix(name, archiveDir) || strings.HasPrefix(name, picturesDir) && strings.HasSuffix(name, ".zst.age")
}
