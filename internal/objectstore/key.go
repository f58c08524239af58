package objectstore

import (
	"fmt"
	"strings"
)

// The limits of a key, in bytes. A part is kept shorter than the 255 bytes of a
// file name, because both MinIO and the filesystem engine add to it.
const (
	MaxKey  = 512
	MaxPart = 200
)

// CheckKey refuses, with ErrKey, what is not a key: slash-separated parts of
// the characters A-Z a-z 0-9 . _ -, none of them empty, "." or "..".
//
// The alphabet needs no escaping in a URL, a path or XML, so a key reads the
// same at every layer, and an object has only one spelling.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return fmt.Errorf("%w: %d bytes, want 1 to %d", ErrKey, len(key), MaxKey)
	}
	for part := range strings.SplitSeq(key, "/") {
		if err := checkPart(part); err != nil {
			return err
		}
	}
	return nil
}

// CheckPrefix refuses, with ErrKey, what no key starts with. The last part may be
// the beginning of one, so also empty; "." and ".." are refused even there,
// because MinIO does not list them.
func CheckPrefix(prefix string) error {
	if len(prefix) > MaxKey {
		return fmt.Errorf("%w: prefix of %d bytes, want at most %d", ErrKey, len(prefix), MaxKey)
	}
	parts := strings.Split(prefix, "/")
	for _, part := range parts[:len(parts)-1] {
		if err := checkPart(part); err != nil {
			return err
		}
	}
	if last := parts[len(parts)-1]; last != "" {
		return checkPart(last)
	}
	return nil
}

func checkPart(part string) error {
	switch {
	case part == "", part == ".", part == "..":
		return fmt.Errorf("%w: part %q", ErrKey, part)
	case len(part) > MaxPart:
		return fmt.Errorf("%w: part of %d bytes, want at most %d", ErrKey, len(part), MaxPart)
	case strings.ContainsFunc(part, foreign):
		return fmt.Errorf("%w: part %q has a character other than A-Z a-z 0-9 . _ -", ErrKey, part)
	}
	return nil
}

func foreign(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
}
