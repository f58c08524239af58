package preflight

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// OwnSecrets wants the secrets of the customer's own database and S3 service,
// which nobody but the customer can write.
func OwnSecrets(d config.Dirs, c config.Config) Check {
	return Check{"secrets", "the secrets of your own services are there", Secrets, func(context.Context) error {
		var problems []error
		for _, name := range ownSecrets(d, c) {
			path := d.CredentialFile(name)
			data, err := os.ReadFile(path)
			text := strings.TrimSpace(string(data))
			switch {
			case err != nil || text == "":
				problems = append(problems, fault.New(fault.Preflight, "write it into "+path+" (mode 0600)", "the secret %s is missing", name))
			case strings.HasSuffix(name, "-dsn"):
				err := pgcluster.CheckEncryption(text)
				if errors.Is(err, pgcluster.ErrDSN) {
					problems = append(problems, fault.New(fault.Preflight, "write it into "+path+" as postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full", "the connection string %s cannot be read", name))
				} else if err != nil {
					problems = append(problems, fault.Wrap(fault.Preflight, err,
						"edit "+path+": add sslmode=verify-full (or require; or disable, where the network is yours alone)", "the connection string %s", name))
				}
			}
		}
		return errors.Join(problems...)
	}}
}

func ownSecrets(d config.Dirs, c config.Config) []string {
	var names []string
	if c.Database.Mode == "external" {
		names = append(names, "database-dsn")
		if replicationIsApart(d) {
			names = append(names, "replication-dsn")
		}
	}
	if c.Storage.Engine == "s3" {
		names = append(names, "storage-access-key", "storage-secret-key")
	}
	return names
}

// replicationIsApart tells whether replication has a connection string of its own.
func replicationIsApart(d config.Dirs) bool {
	data, err := os.ReadFile(d.CredentialFile("replication-dsn"))
	return err == nil && len(strings.TrimSpace(string(data))) > 0
}
