// Package password hashes and checks the passwords of accounts.
//
// New hashes are Argon2id in PHC string form. bcrypt hashes are still verified,
// so that accounts of an imported BugSpark keep their passwords.
package password

import (
	"errors"
	"unicode/utf8"
)

// The length of a password, in characters.
const (
	MinLength = 8
	MaxLength = 128
)

// The reasons Check refuses a password.
var (
	ErrTooShort = errors.New("must have at least 8 characters")
	ErrTooLong  = errors.New("must have at most 128 characters")
	ErrEncoding = errors.New("must be valid UTF-8 text without NUL characters")
)

// Check returns why plain may not become a password, or nil. It knows only
// lengths: rules about kinds of characters lead to worse passwords.
func Check(plain string) error {
	if !utf8.ValidString(plain) {
		return ErrEncoding
	}
	n := 0
	for _, r := range plain {
		if r == 0 {
			return ErrEncoding
		}
		n++
	}
	switch {
	case n < MinLength:
		return ErrTooShort
	case n > MaxLength:
		return ErrTooLong
	}
	return nil
}

// maxBytes bounds the work an unchecked password of a login request can cause:
// no password that Check accepts is longer.
const maxBytes = MaxLength * utf8.UTFMax
