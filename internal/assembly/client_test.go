package assembly

import (
	"slices"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/host/account"
	"github.com/bugspark/bugspark/internal/host/unit"
	unitfiles "github.com/bugspark/bugspark/systemd"
)

// A restored server runs code of a stranger's, and a process reads what others of its
// account hold. Whoever gets the password must have it anyway, by the unit of the account.
func TestTheProgramsWithACustomersPasswordHaveAnAccountThatKnowsIt(t *testing.T) {
	set, err := unit.Load(unitfiles.Units)
	if err != nil {
		t.Fatal(err)
	}
	for _, dsn := range []string{"postgres://me:secret@db.test/bugs", "host=/var/run/postgresql dbname=bugs", "postgres://me@db.test/bugs?sslkey=/x"} {
		name := clientName(dsn)
		if name == account.Scratch || name == account.Postgres {
			t.Errorf("%s: the programs that connect run as %s, as restored servers do", dsn, name)
		}
		knows := slices.ContainsFunc(set.Readers("database-dsn"), func(reader string) bool { return strings.HasSuffix(reader, " ("+name+")") })
		if !knows {
			t.Errorf("%s: no unit hands the connection string to %s", dsn, name)
		}
	}
}
