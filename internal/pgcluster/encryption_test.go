package pgcluster_test

import (
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/pgcluster"
)

func TestAConnectionStringSaysWhetherItIsEncrypted(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for dsn, good := range map[string]bool{
		"postgres://u:hunter2@db.test/x":                                     false,
		"postgres://u:hunter2@db.test/x?sslmode=prefer":                      false,
		"postgres://u:hunter2@db.test/x?sslmode=allow":                       false,
		"postgres://u:hunter2@db.test/x?sslmode=require":                     true,
		"postgres://u:hunter2@db.test/x?sslmode=verify-full":                 true,
		"postgres://u:hunter2@db.test/x?sslmode=disable":                     true,
		"host=db.test user=u password=hunter2":                               false,
		"host=db.test user=u password=hunter2 sslmode=require":               true,
		"host=/run/postgresql user=u":                                        true,
		"postgres://u:hunter2@127.0.0.1/x":                                   true,
		"postgres://u:hunter2@[::1]/x":                                       true,
		"postgres://u:hunter2@localhost/x":                                   true,
		"postgres://u:hunter2@127.0.0.1,db.test/x":                           false,
		"postgres://u:hunter2@/x?host=/run/postgresql,db.test&sslmode=allow": false,
		"postgres://u:hunter2@db.test:nonsense/x":                            false,
	} {
		err := pgcluster.CheckEncryption(dsn)
		if (err == nil) != good {
			t.Errorf("%s: %v", dsn, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}
