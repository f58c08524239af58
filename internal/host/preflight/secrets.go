package preflight

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// OwnSecrets wants the secrets of the customer's own database and S3 service,
// which nobody but the customer can write.
func OwnSecrets(d config.Dirs, c config.Config) Check {
	return Check{"secrets", "the secrets of your own services are there", Secrets, func(context.Context) error {
		var problems []error
		for _, name := range ownSecrets(c) {
			path := d.CredentialFile(name)
			if data, err := os.ReadFile(path); err != nil || len(strings.TrimSpace(string(data))) == 0 {
				problems = append(problems, fault.New(fault.Preflight, "write it into "+path+" (mode 0600)", "the secret %s is missing", name))
			}
		}
		return errors.Join(problems...)
	}}
}

func ownSecrets(c config.Config) []string {
	var names []string
	if c.Database.Mode == "external" {
		names = append(names, "database-dsn")
	}
	if c.Storage.Engine == "s3" {
		names = append(names, "storage-access-key", "storage-secret-key")
	}
	return names
}
