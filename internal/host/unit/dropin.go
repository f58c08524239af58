package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// dropInDirs lists the directories in which systemd looks for drop-ins of a unit, the
// most specific first. systemd also knows service.d for every service of the machine,
// which is not ours to fill.
func dropInDirs(name string) []string {
	out := []string{name + ".d"}
	kind := path.Ext(name)
	prefix, _, _ := strings.Cut(strings.TrimSuffix(name, kind), "@")
	for {
		dash := strings.LastIndex(strings.TrimSuffix(prefix, "-"), "-")
		if dash < 0 {
			return out
		}
		prefix = prefix[:dash+1]
		out = append(out, prefix+kind+".d")
	}
}

// dropIns lists the drop-ins of a unit in the order they are read: by file name,
// whatever their directory. Of two with the same name the more specific one counts.
func dropIns(files fs.FS, name string) ([]string, error) {
	found := map[string]string{}
	for _, dir := range dropInDirs(name) {
		entries, err := fs.ReadDir(files, dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing drop-ins: %w", err)
		}
		for _, e := range entries {
			_, masked := found[e.Name()]
			if path.Ext(e.Name()) == ".conf" && !masked {
				found[e.Name()] = path.Join(dir, e.Name())
			}
		}
	}
	var out []string
	for _, file := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[file])
	}
	return out, nil
}
