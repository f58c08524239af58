package password_test

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/bugspark/bugspark/internal/tracker/password"
)

func TestVerifyRefusesWhatIsNoHash(t *testing.T) {
	t.Parallel()
	good, err := password.Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []string{
		"", "correct horse", "$", "$$$$$", "$2", "$2b$04$short",
		strings.Replace(good, "argon2id", "argon2i", 1),
		strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=4294967295", 1),
		strings.Replace(good, "t=2", "t=0", 1),
		strings.Replace(good, "t=2", "t=4000000000", 1),
		strings.Replace(good, "p=1", "p=0", 1),
		good[:strings.LastIndex(good, "$")+1],
		good + "=",
	} {
		if password.Verify(hash, "correct horse") || password.Verify(hash, "") {
			t.Errorf("%q matched", hash)
		}
	}
	for _, plain := range []string{"", "correct hors", "correct horse ", "Correct horse", strings.Repeat("x", 1<<20)} {
		if password.Verify(good, plain) {
			t.Errorf("%.20q matched", plain)
		}
	}
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	for _, plain := range []string{"correct horse", "пароль-пароль", strings.Repeat("🐞", 128)} {
		a, err := password.Hash(plain)
		if err != nil {
			t.Fatal(err)
		}
		b, err := password.Hash(plain)
		if err != nil {
			t.Fatal(err)
		}
		if a == b {
			t.Error("two hashes of one password are the same")
		}
		if !password.Verify(a, plain) || !password.Verify(b, plain) {
			t.Errorf("%.20q does not verify", plain)
		}
	}
	if _, err := password.Hash(strings.Repeat("x", 1<<20)); err == nil {
		t.Error("a megabyte was hashed")
	}
}

func TestVerifyBcrypt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 72)
	for _, plain := range []string{"imported one", long} {
		hash, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		if !password.Verify(string(hash), plain) {
			t.Errorf("%.20q does not verify", plain)
		}
		if password.Verify(string(hash), "x"+plain) {
			t.Error("a wrong password verified")
		}
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if !password.Verify(string(hash), long+"the tail bcrypt never read") {
		t.Error("a long password does not verify")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		plain string
		want  error
	}{
		{"", password.ErrTooShort},
		{"seven77", password.ErrTooShort},
		{"пароль7", password.ErrTooShort},
		{strings.Repeat("x", 129), password.ErrTooLong},
		{"with\x00nul here", password.ErrEncoding},
		{"not utf8 \xff\xfe", password.ErrEncoding},
		{"eight888", nil},
		{strings.Repeat("🐞", 128), nil},
	} {
		if got := password.Check(tc.plain); got != tc.want {
			t.Errorf("Check(%.20q) = %v, want %v", tc.plain, got, tc.want)
		}
	}
}

func TestOneTime(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z2-9]{4}(-[a-z2-9]{4}){4}$`)
	seen := map[string]bool{}
	for range 1000 {
		p, err := password.OneTime()
		if err != nil {
			t.Fatal(err)
		}
		if !form.MatchString(p) || password.Check(p) != nil || seen[p] {
			t.Fatalf("%q", p)
		}
		seen[p] = true
	}
}
