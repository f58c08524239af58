package setup_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/host/setup"
)

func TestSettingsAreSetInAConfiguration(t *testing.T) {
	const before = "# ours\nserver:\n  name: bugs.test # the name\n  https_port: 443\n"
	for _, c := range []struct{ set, key, want string }{
		{"server.https_port=8443", "server.https_port", "8443"},
		{"server.name=other.test", "server.name", "other.test"},
		{"storage.bucket=123456", "storage.bucket", "123456"},
		{"tls.hsts=true", "tls.hsts", "true"},
		{"backup.copy.target=/srv/copy", "backup.copy.target", "/srv/copy"},
		{"alert.mail_to=[a@example.org, b@example.org]", "alert.mail_to", "[a@example.org b@example.org]"},
	} {
		data, err := setup.SetKeys([]byte(before), []string{"mail.host=mail.test", c.set})
		if err != nil || !strings.Contains(string(data), "# ours") {
			t.Errorf("%s: %v\n%s", c.set, err, data)
			continue
		}
		cfg, err := config.Parse("bugspark.yaml", data, noEnv)
		if c.key == "backup.copy.target" && err != nil {
			continue // a second target wants a first one
		}
		if err != nil {
			t.Errorf("%s: %v", c.set, err)
			continue
		}
		if value, _ := cfg.Value(c.key); fmt.Sprint(value) != c.want {
			t.Errorf("%s: %v", c.set, value)
		}
	}
	for _, wrong := range []string{"", "server.https_port", "=8443", "server.https_port:8443", "tls.hsts=[", "a b=c", "tls.hsts="} {
		if _, err := setup.SetKeys([]byte(before), []string{wrong}); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	for _, wrong := range []string{"srever.name=x", "server.https_port=many", "server.https_port=99999", "server=x"} {
		data, err := setup.SetKeys([]byte(before), []string{wrong})
		if err == nil {
			_, err = config.Parse("bugspark.yaml", data, noEnv)
		}
		if err == nil {
			t.Errorf("%q is valid", wrong)
		}
	}
}
