package config

import (
	"slices"
	"strings"
)

// suggestion completes the complaint about an unknown key, and is empty when no
// setting resembles it.
func suggestion(key string) string {
	near := nearest(key)
	if len(near) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(near, " or ") + "?)"
}

// nearest returns the settings that somebody who wrote key may have meant: the
// section itself when key is one, the settings of the same last part, or those
// that fewest edits away.
func nearest(key string) []string {
	if keys := below(key); len(keys) > 0 {
		return keys
	}
	key = strings.ToLower(strings.ReplaceAll(key, "-", "_"))
	best := 1 + len(key)/4 // beyond that it is another word
	var near, same []string
	for _, known := range keysAndSections() {
		if known == key || strings.HasSuffix(known, "."+key) {
			same = append(same, known)
		}
		switch d := distance(key, known); {
		case d < best:
			best, near = d, []string{known}
		case d == best:
			near = append(near, known)
		}
	}
	if len(same) > 0 {
		return same
	}
	if len(near) > 0 {
		return near
	}
	if _, last, dotted := strings.Cut(key, "."); dotted && !strings.Contains(last, ".") {
		return nearest(last) // another section's
	}
	return nil
}

func keysAndSections() []string {
	var out []string
	for _, s := range Settings() {
		for i, r := range s.Key {
			if r == '.' && !slices.Contains(out, s.Key[:i]) {
				out = append(out, s.Key[:i])
			}
		}
		out = append(out, s.Key)
	}
	return out
}

// distance is Levenshtein's: how many bytes to change, add or remove.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = slices.Min([]int{change, row[j] + 1, row[j+1] + 1})
		}
	}
	return row[len(b)]
}
