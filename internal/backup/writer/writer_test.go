package writer_test

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/backup/writer"
)

func TestKeysOfArchiversAreReadAsTheyWereWritten(t *testing.T) {
	first, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	second, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := writer.Keys{Writers: []ed25519.PublicKey{first}, Retired: []ed25519.PublicKey{second}}.Format()
	got, err := writer.Parse(append(text, text...))
	if err != nil || len(got.Writers) != 1 || len(got.Retired) != 1 || !got.Writers[0].Equal(first) || !got.Retired[0].Equal(second) {
		t.Errorf("%s: %v, %v", text, got, err)
	}
	if !strings.HasPrefix(string(text), writer.Public(key)+"\n") {
		t.Errorf("%s", text)
	}
	for _, text := range []string{"hello", "AAAA", writer.Public(key) + " 2026-11-27", writer.Public(key) + " retired 2026-11-27", strings.Repeat(writer.Public(key)+"\n", writer.AtMost+1)} {
		if got, err := writer.Parse([]byte(text)); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	seed := strings.Repeat("ab", ed25519.SeedSize)
	if key, err := writer.ParseKey(seed + "\n"); err != nil || len(key) != ed25519.PrivateKeySize {
		t.Error(err)
	}
	for _, text := range []string{"", "missing", seed[2:], strings.Repeat("zz", ed25519.SeedSize)} {
		if _, err := writer.ParseKey(text); err == nil {
			t.Errorf("%q was taken for a key", text)
		}
	}
}

// An older list, as of a kit, does not bring a key back that somebody else may have.
func TestAKeyThatIsRetiredInOneListIsRetired(t *testing.T) {
	var keys []ed25519.PublicKey
	for range 3 {
		key, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	older, newer := writer.Keys{Writers: keys[:2]}, writer.Keys{Writers: keys[2:], Retired: keys[1:2]}
	for _, both := range []writer.Keys{older.With(newer), newer.With(older)} {
		if len(both.Writers) != 2 || len(both.Retired) != 1 || !both.Retired[0].Equal(keys[1]) {
			t.Errorf("%v", both)
		}
	}
	if both, err := writer.Parse(append(older.Format(), newer.Format()...)); err != nil || len(both.Writers) != 2 || len(both.Retired) != 1 {
		t.Errorf("in one file: %v, %v", both, err)
	}
	if now := newer.Using(keys[1]); len(now.Writers) != 2 || len(now.Retired) > 0 || !now.Writers[0].Equal(keys[1]) {
		t.Errorf("the key in use: %v", now)
	}
}
