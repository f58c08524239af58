package license_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bugspark/bugspark/internal/license"
	"github.com/bugspark/bugspark/internal/license/issuer"
)

var today = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

// vendor is a key, and what customers know of it.
type vendor struct {
	key      issuer.Key
	verifier license.Verifier
}

func newVendor(t *testing.T) vendor {
	t.Helper()
	key, err := issuer.NewKey("2027a")
	if err != nil {
		t.Fatal(err)
	}
	return vendor{key: key, verifier: license.Verifier{
		Keys: license.Keys{"2027a": license.NewKey(key.Public(), today.AddDate(-1, 0, 0), today.AddDate(2, 0, 0))},
		Now:  func() time.Time { return today },
	}}
}

func usual() license.Claims {
	return license.Claims{
		RegisteredClaims: jwt.RegisteredClaims{ID: "L-1", Subject: "C-7", ExpiresAt: jwt.NewNumericDate(today.AddDate(1, 0, 0))},
		Customer:         "Bank of Examples", Seats: 50, Projects: 10, GraceDays: 30, Features: []string{license.CustomBranding},
	}
}

func (v vendor) issue(t *testing.T, c license.Claims) string {
	t.Helper()
	token, err := v.key.License(c, today)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestALicenceSaysWhatWasIssued(t *testing.T) {
	v := newVendor(t)
	c, err := v.verifier.License("\n" + v.issue(t, usual()) + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	if c.Customer != "Bank of Examples" || c.Seats != 50 || c.Projects != 10 || c.Features[0] != license.CustomBranding || !c.Ends().Equal(today.AddDate(1, 0, 30)) {
		t.Errorf("%+v", c)
	}
}

// An expired licence is told apart from none: the days of grace count from it.
func TestAnExpiredLicenceIsStillOne(t *testing.T) {
	v := newVendor(t)
	token := v.issue(t, usual())
	v.verifier.Now = func() time.Time { return today.AddDate(5, 0, 0) }
	c, err := v.verifier.License(token)
	if err != nil || c.Customer == "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhyALicenceIsRefused(t *testing.T) {
	v := newVendor(t)
	other := newVendor(t)
	good := v.issue(t, usual())
	parts := strings.Split(good, ".")
	encode := func(x any) string {
		data, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	header := map[string]any{"alg": "EdDSA", "typ": license.Type, "kid": "2027a"}
	with := func(name string, value any) string {
		h := map[string]any{}
		for k, x := range header {
			h[k] = x
		}
		h[name] = value
		return encode(h)
	}
	// The public key as the secret of a MAC, which a careless check takes for a signature.
	confused := with("alg", "HS256") + "." + parts[1]
	mac := hmac.New(sha256.New, v.key.Public())
	mac.Write([]byte(confused))
	confused += "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	claims["seats"] = 5000
	list, err := v.key.Revoke(nil, []string{"L-0"}, today)
	if err != nil {
		t.Fatal(err)
	}
	bound := usual()
	bound.Installation = "i-1"
	later := usual()
	later.NotBefore = jwt.NewNumericDate(today.AddDate(0, 0, 3))
	v.verifier.Installation = "i-2"
	// 64 bytes leave four bits of the last letter unused, which must be zero.
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(letters, good[len(good)-1])
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"another spelling":      {good[:len(good)-1] + letters[last+1:last+2], license.ErrNotALicense},
		"nothing":               {"", license.ErrNotALicense},
		"a text":                {"hello", license.ErrNotALicense},
		"too large":             {good + strings.Repeat("A", 20_000), license.ErrNotALicense},
		"another vendor":        {other.issue(t, usual()), license.ErrSignature},
		"changed claims":        {parts[0] + "." + encode(claims) + "." + parts[2], license.ErrSignature},
		"a changed signature":   {good[:len(good)-8] + "AAAAAAAA", license.ErrSignature},
		"no signature":          {with("alg", "none") + "." + parts[1] + ".", license.ErrSignature},
		"the key as a password": {confused, license.ErrSignature},
		"an unknown key":        {with("kid", "../../etc/passwd") + "." + parts[1] + "." + parts[2], license.ErrKey},
		"no key":                {with("kid", 7) + "." + parts[1] + "." + parts[2], license.ErrKey},
		"a key of its own":      {with("jwk", map[string]string{"kty": "OKP"}) + "." + parts[1] + "." + parts[2], license.ErrSignature},
		"another kind":          {list, license.ErrNotALicense},
		"padding":               {good + "==", license.ErrNotALicense},
		"another installation":  {v.issue(t, bound), license.ErrElsewhere},
		"from the future":       {v.issue(t, later), license.ErrNotYet},
	} {
		if _, err := v.verifier.License(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	v.verifier.Installation = "i-1"
	if _, err := v.verifier.License(v.issue(t, bound)); err != nil {
		t.Errorf("its own installation: %v", err)
	}
}

// sign makes what no issuer of ours makes.
func (v vendor) sign(t *testing.T, private ed25519.PrivateKey, claims map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims(claims))
	token.Header["typ"], token.Header["kid"] = license.Type, "own"
	if typ, ok := claims["typ"]; ok {
		token.Header["typ"] = typ
	}
	s, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Claims that are missing or nonsense are refused although the vendor has signed them.
func TestSignedNonsenseIsRefused(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	v := newVendor(t)
	v.verifier.Keys["own"] = license.NewKey(public, today.AddDate(-1, 0, 0), today.AddDate(1, 0, 0))
	good := func() map[string]any {
		return map[string]any{"iss": license.Issuer, "aud": license.Audience, "sub": "C-7", "jti": "L-1", "customer": "Bank", "seats": 5, "projects": 1,
			"iat": today.Unix(), "nbf": today.Unix(), "exp": today.AddDate(1, 0, 0).Unix(), "grace_days": 30}
	}
	if _, err := v.verifier.License(v.sign(t, private, good())); err != nil {
		t.Fatalf("a good one: %v", err)
	}
	expired := good()
	expired["exp"], expired["nbf"] = today.AddDate(0, -1, 0).Unix(), today.AddDate(0, -2, 0).Unix()
	if _, err := v.verifier.License(v.sign(t, private, expired)); err != nil {
		t.Errorf("an expired one: %v", err)
	}
	expired["seats"] = 0
	if _, err := v.verifier.License(v.sign(t, private, expired)); err == nil {
		t.Error("an expired one without seats is taken")
	}
	for name, values := range map[string][]any{
		"typ": {"JWT", "", license.RevocationType},
		"iss": {nil, "", "mallory"}, "aud": {nil, "bugspark-cloud"}, "sub": {nil, ""}, "jti": {nil, ""}, "customer": {nil, "", " "},
		"seats": {nil, 0, -3, "many"}, "projects": {nil, 0, 1.5}, "iat": {nil, "today", today.AddDate(0, 1, 0).Unix()}, "nbf": {nil, today.AddDate(2, 0, 0).Unix()}, "exp": {nil, "never"},
		"grace_days": {-1, 4000}, "trial": {true}, "features": {[]string{""}, []string{"a", "a"}, []string{" a"}, "all"},
	} {
		for _, value := range values {
			claims := good()
			claims[name] = value
			if value == nil {
				delete(claims, name)
			}
			if _, err := v.verifier.License(v.sign(t, private, claims)); err == nil {
				t.Errorf("%s = %v is taken", name, value)
			}
		}
	}
}

// A key that has ended cannot sign anything new, and what it has signed before stays good.
func TestKeysSignInTheirTimeOnly(t *testing.T) {
	v := newVendor(t)
	token := v.issue(t, usual())
	for name, c := range map[string]struct {
		from, to int // days from the signature
		want     error
	}{"alive": {-1, 1, nil}, "ended since": {-100, 1, nil}, "before its time": {1, 100, license.ErrKey}, "after its time": {-100, -1, license.ErrKey}} {
		v.verifier.Keys = license.Keys{"2027a": license.NewKey(v.key.Public(), today.AddDate(0, 0, c.from), today.AddDate(0, 0, c.to))}
		v.verifier.Now = func() time.Time { return today.AddDate(0, 6, 0) }
		if _, err := v.verifier.License(token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestModelRevocations issues and revokes at random, and compares with a set of numbers.
func TestModelRevocations(t *testing.T) {
	v := newVendor(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	revoked := map[string]bool{}
	issued := map[string]string{}
	var known *license.Revocations
	for range 300 {
		id := fmt.Sprintf("L-%d", r.IntN(20))
		switch r.IntN(3) {
		case 0:
			c := usual()
			c.ID = id
			issued[id] = v.issue(t, c)
		case 1:
			token, err := v.key.Revoke(known, []string{id}, today)
			if err != nil {
				t.Fatal(err)
			}
			next, err := v.verifier.RevocationList(token)
			if err != nil || (known != nil && next.Number != known.Number+1) {
				t.Fatalf("%+v after %+v, %v", next, known, err)
			}
			known, revoked[id] = next, true
		default:
			v.verifier.Revocations = known
			if token := issued[id]; token != "" {
				if _, err := v.verifier.License(token); errors.Is(err, license.ErrRevoked) != revoked[id] {
					t.Fatalf("%s: %v, revoked %v", id, err, revoked[id])
				}
			}
		}
	}
}

func TestPublishedKeysAreRead(t *testing.T) {
	v := newVendor(t)
	data, err := json.Marshal(v.verifier.Keys)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := license.ParseKeys(data)
	if err != nil || !keys["2027a"].Public.Equal(v.key.Public()) {
		t.Fatalf("%v, %v", keys, err)
	}
	for _, bad := range []string{``, `[]`, `{"a":{}}`, `{"a":{"public":"AAAA","not_before":"2027-01-01T00:00:00Z","not_after":"2028-01-01T00:00:00Z"}}`,
		strings.Replace(string(data), `"not_after":"2029`, `"not_after":"2020`, 1)} {
		if _, err := license.ParseKeys([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// FuzzLicense must not panic, and must not take what nobody signed.
func FuzzLicense(f *testing.F) {
	f.Add("a.b.c")
	f.Add(strings.Repeat(".", 5000))
	v := license.Verifier{Keys: license.Keys{}, Now: time.Now}
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := v.License(token); err == nil {
			t.Errorf("%q is taken", token)
		}
	})
}
