package issuer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bugspark/bugspark/internal/license"
	"github.com/bugspark/bugspark/internal/license/issuer"
)

func TestAKeyIsOpenedByItsPassphraseOnly(t *testing.T) {
	key, err := issuer.NewKey("2027a")
	if err != nil {
		t.Fatal(err)
	}
	data, err := key.Encrypt("correct horse", 10)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "PRIVATE KEY") || !strings.HasPrefix(string(data), "-----BEGIN AGE ENCRYPTED FILE-----") {
		t.Errorf("the file is %s", data)
	}
	again, err := issuer.Decrypt(data, "correct horse")
	if err != nil || again.ID != "2027a" || !again.Public().Equal(key.Public()) {
		t.Errorf("%+v, %v", again, err)
	}
	for name, c := range map[string]struct{ data, pass string }{
		"a wrong passphrase": {string(data), "wrong horse"}, "no passphrase": {string(data), ""}, "another file": {"hello", "correct horse"},
		"half a file": {string(data[:len(data)/2]), "correct horse"},
	} {
		if _, err := issuer.Decrypt([]byte(c.data), c.pass); err == nil {
			t.Errorf("%s opens it", name)
		}
	}
}

func TestWhatIsNotIssued(t *testing.T) {
	key, err := issuer.NewKey("k")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good := license.Claims{RegisteredClaims: jwt.RegisteredClaims{ID: "L", Subject: "C", ExpiresAt: jwt.NewNumericDate(now.AddDate(1, 0, 0))}, Customer: "Bank", Seats: 1, Projects: 1}
	if _, err := key.License(good, now); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*license.Claims){
		"no expiry":          func(c *license.Claims) { c.ExpiresAt = nil },
		"an expiry before":   func(c *license.Claims) { c.ExpiresAt = jwt.NewNumericDate(now.AddDate(0, 0, -1)) },
		"an unknown feature": func(c *license.Claims) { c.Features = []string{"sign-in"} },
		"no customer":        func(c *license.Claims) { c.Customer = "" },
		"no seats":           func(c *license.Claims) { c.Seats = 0 },
	} {
		c := good
		change(&c)
		if _, err := key.License(c, now); err == nil {
			t.Errorf("%s is issued", name)
		}
	}
	if _, err := issuer.NewKey(""); err == nil {
		t.Error("a key without an id")
	}
	if _, err := key.Revoke(nil, []string{""}, now); err == nil {
		t.Error("a licence without a number is revoked")
	}
}
