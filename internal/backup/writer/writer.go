// Package writer is who may write the archive: the key that signs its files, and the public
// keys whose files are believed. The recovery kit and setup need no more of the archive.
package writer

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
)

// Credential is the credential with the key that signs.
const Credential = "archive-signing-key"

// File holds the public keys whose files are read. It belongs to root and is no
// secret, and a set has it under the same name.
func File(d config.Dirs) string { return filepath.Join(d.Config, Credential+".pub") }

// ParseKey reads the credential archive-signing-key: the seed of an Ed25519 key in
// hexadecimal.
func ParseKey(text string) (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("it is not 64 hexadecimal digits")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// Public is the public half of a signing key, as people see it.
func Public(key ed25519.PrivateKey) string {
	public, _ := key.Public().(ed25519.PublicKey) // what package ed25519 returns
	return base64.StdEncoding.EncodeToString(public)
}

// AtMost bounds how many keys an installation may have had.
const AtMost = 16

// Keys are the public keys of the archivers of an installation.
type Keys struct {
	Writers []ed25519.PublicKey // whose files are read: the one in use, and those before it
	// Retired are keys that somebody else may have. Nothing that they have signed is read:
	// whoever has a key can sign with any date, so that "until a day" would bound nothing.
	// It is still known to be of this installation, and goes by its age.
	Retired []ed25519.PublicKey
}

// retired is the mark behind a key.
const retired = "retired"

// Parse reads the public keys of an installation, one a line, each with the mark "retired"
// behind it or without. A key that stands there twice is retired.
func Parse(text []byte) (Keys, error) {
	var out Keys
	for line := range bytes.Lines(text) {
		fields := strings.Fields(string(line))
		if len(fields) == 0 {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(fields[0])
		if err != nil || len(key) != ed25519.PublicKeySize || len(fields) > 2 || len(fields) == 2 && fields[1] != retired {
			return Keys{}, fmt.Errorf("%.60q is not the public key of an archiver, nor one with %q behind it", strings.TrimSpace(string(line)), retired)
		}
		if len(out.Writers)+len(out.Retired) == AtMost {
			return Keys{}, fmt.Errorf("there are more than %d public keys of archivers", AtMost)
		}
		if len(fields) == 2 {
			out.Retired = append(out.Retired, key)
		} else {
			out.Writers = append(out.Writers, key)
		}
	}
	return Keys{}.With(out), nil
}

// With adds the keys of another list. What is retired in one of the two is retired.
func (k Keys) With(other Keys) Keys {
	var out Keys
	out.Retired = unique(slices.Concat(k.Retired, other.Retired), nil)
	out.Writers = unique(slices.Concat(k.Writers, other.Writers), out.Retired)
	return out
}

// Using is the list while own is the key in use, whatever it says of that one.
func (k Keys) Using(own ed25519.PublicKey) Keys {
	first := []ed25519.PublicKey{own}
	return Keys{Writers: unique(slices.Concat(first, k.Writers), nil), Retired: unique(k.Retired, first)}
}

// unique are the keys, each once, without some.
func unique(keys, without []ed25519.PublicKey) (out []ed25519.PublicKey) {
	for _, key := range keys {
		same := func(k ed25519.PublicKey) bool { return k.Equal(key) }
		if !slices.ContainsFunc(out, same) && !slices.ContainsFunc(without, same) {
			out = append(out, key)
		}
	}
	return out
}

// Format is what Parse reads.
func (k Keys) Format() []byte {
	var lines []string
	for _, key := range k.Writers {
		lines = append(lines, base64.StdEncoding.EncodeToString(key))
	}
	for _, key := range k.Retired {
		lines = append(lines, base64.StdEncoding.EncodeToString(key)+" "+retired)
	}
	lines = lines[:min(len(lines), AtMost)]
	return []byte(strings.Join(lines, "\n") + "\n")
}
