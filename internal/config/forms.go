package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// Form is what a text must look like. The zero Form accepts everything.
type Form struct {
	Is    string             // completes "must be", such as "an e-mail address"
	Check func(string) error // refuses a text; errForm when Is says all there is to say
}

var errForm = errors.New("it does not have that form")

// problem says what is wrong with a value of the setting, "" when nothing is.
func (f Form) problem(s Setting, value string) string {
	if f.Check == nil {
		return ""
	}
	err := f.Check(value)
	_, list := s.Default.([]string)
	switch {
	case err == nil:
		return ""
	case !errors.Is(err, errForm):
		return fmt.Sprintf("%s: %v", s.Key, err)
	case s.Sensitive:
		return fmt.Sprintf("%s must be %s", s.Key, f.Is)
	case list:
		return fmt.Sprintf("%s: %q is not %s", s.Key, value, f.Is)
	}
	return fmt.Sprintf("%s must be %s, not %q", s.Key, f.Is, value)
}

func form(is string, ok func(string) bool) Form {
	return Form{is, func(value string) error {
		if !ok(value) {
			return errForm
		}
		return nil
	}}
}

func hostName() Form {
	return form("a bare DNS name or address", func(s string) bool {
		return !strings.ContainsAny(s, "/: \t") && len(s) <= 253
	})
}

// absoluteFile is read by services, which have no directory that a person would expect.
func absoluteFile() Form {
	return form("an absolute path", filepath.IsAbs)
}

// host is hostName, or an IPv6 address.
func host() Form {
	return form("a bare DNS name or address", func(s string) bool {
		if _, err := netip.ParseAddr(s); err == nil {
			return true
		}
		return !strings.ContainsAny(s, "/: \t") && len(s) <= 253
	})
}

func network() Form {
	return form("a network such as 10.0.0.0/8", func(s string) bool {
		_, err := netip.ParsePrefix(s)
		return err == nil
	})
}

func isURL(s string, schemes ...string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return u, true
		}
	}
	return nil, false
}

func httpsURL() Form {
	return form("an https URL", func(s string) bool {
		_, ok := isURL(s, "https")
		return ok
	})
}

func webURL(example string) Form {
	return form("a URL such as "+example, func(s string) bool {
		_, ok := isURL(s, "https", "http")
		return ok
	})
}

// webhookURL has no password, which belongs into a credential.
func webhookURL(example string) Form {
	return form("a URL such as "+example+", without an account", func(s string) bool {
		u, ok := isURL(strings.ReplaceAll(s, "{token}", "token"), "https", "http")
		return ok && u.User == nil
	})
}

// bareURL has no path and no account, because we add our own.
func bareURL(example string) Form {
	return form("a URL such as "+example+", without a path or an account", func(s string) bool {
		u, ok := isURL(s, "https", "http")
		return ok && strings.Trim(u.Path, "/") == "" && u.User == nil
	})
}

func bucketName() Form {
	return form("3 to 63 lower-case characters", func(s string) bool {
		return len(s) >= 3 && len(s) <= 63 && strings.ToLower(s) == s
	})
}

// calendar leaves the rest to systemd, which setup asks. A line break or a
// percent sign would mean something else in the drop-in that carries the value.
func calendar() Form {
	return form("a calendar expression such as *-*-* 02:15", func(s string) bool {
		return s != "" && !strings.ContainsAny(s, "\n%")
	})
}

func publicKey() Form {
	return form("a public key such as ssh-ed25519 AAAA...", func(s string) bool {
		return len(strings.Fields(s)) >= 2
	})
}

func backupTarget() Form {
	return Form{"/DIRECTORY, s3://BUCKET/PREFIX or sftp://USER@HOST/DIRECTORY", func(s string) error {
		_, err := BackupTarget{Target: s}.Locate()
		return err
	}}
}

// loginAddress is compared with what people type when they sign in; it need
// not be able to receive mail.
func loginAddress() Form {
	return form("an e-mail address", func(s string) bool { return strings.Contains(s, "@") })
}

// mailbox is an address of RFC 5322, with or without a display name.
func mailbox() Form {
	return form("an e-mail address", func(s string) bool {
		_, err := mail.ParseAddress(s)
		return err == nil
	})
}

// mailboxes splits at the commas between addresses, not at the spaces and
// commas of display names. Addresses without names may be separated by spaces.
func mailboxes(value string) []string {
	list, err := mail.ParseAddressList(value)
	if err != nil {
		return words(value)
	}
	var out []string
	for _, a := range list {
		if a.Name == "" {
			out = append(out, a.Address)
		} else {
			out = append(out, a.String())
		}
	}
	return out
}

// words splits at commas and spaces.
func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
