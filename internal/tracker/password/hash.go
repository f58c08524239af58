package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// OWASP's second recommendation (19 MiB, two passes): sixteen simultaneous
// logins then cost a small server 300 MiB at most. RFC 9106's 64 MiB would make
// a burst of logins the largest memory user of the machine.
const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	saltBytes = 16
	keyBytes  = 32
)

// The largest parameters of a stored hash, so that a changed row cannot use up the
// server's memory or time.
const (
	maxMemoryKiB = 256 * 1024
	maxPasses    = 16
	maxLanes     = 16
	maxKeyBytes  = 128
)

// b64 is the base64 of PHC strings, strict so that a hash has only one text form.
func b64() *base64.Encoding { return base64.RawStdEncoding.Strict() }

// Hash returns the PHC string of plain under a fresh salt.
func Hash(plain string) (string, error) {
	if len(plain) > maxBytes {
		return "", ErrTooLong
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails since Go 1.24
	key := argon2.IDKey([]byte(plain), salt, passes, memoryKiB, lanes, keyBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes,
		b64().EncodeToString(salt), b64().EncodeToString(key)), nil
}

// Verify reports whether plain is the password behind hash, taking the same
// time wherever the two differ. An empty or unreadable hash matches nothing.
func Verify(hash, plain string) bool {
	if len(plain) > maxBytes {
		return false
	}
	if strings.HasPrefix(hash, "$2") {
		return verifyBcrypt(hash, plain)
	}
	p, err := parse(hash)
	if err != nil {
		return false
	}
	key := argon2.IDKey([]byte(plain), p.salt, p.passes, p.memoryKiB, p.lanes, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1
}

// verifyBcrypt compares the first 72 bytes, all that bcrypt ever read: the
// servers that made imported hashes cut longer passwords there.
func verifyBcrypt(hash, plain string) bool {
	b := []byte(plain)
	if len(b) > 72 {
		b = b[:72]
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), b) == nil
}

type params struct {
	memoryKiB uint32
	passes    uint32
	lanes     uint8
	salt, key []byte
}

var errForm = errors.New("not an Argon2id hash")

func parse(hash string) (params, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return params{}, errForm
	}
	var p params
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.memoryKiB, &p.passes, &p.lanes); err != nil {
		return params{}, errForm
	}
	var err error
	if p.salt, err = b64().DecodeString(parts[4]); err != nil {
		return params{}, errForm
	}
	if p.key, err = b64().DecodeString(parts[5]); err != nil {
		return params{}, errForm
	}
	switch {
	case p.memoryKiB < 8 || p.memoryKiB > maxMemoryKiB,
		p.passes < 1 || p.passes > maxPasses,
		p.lanes < 1 || p.lanes > maxLanes,
		len(p.salt) < 8,
		len(p.key) < 16 || len(p.key) > maxKeyBytes:
		return params{}, errForm
	}
	return p, nil
}
