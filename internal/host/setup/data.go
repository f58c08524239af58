package setup

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
)

// stays is data that a changed setting leaves where it is.
type stays struct{ setting, what, where, now string }

// credentialDSN is what changed when a customer's database did.
const credentialDSN = "the credential database-dsn"

// leftBehind lists the data of an installation that another configuration would look for
// elsewhere.
func leftBehind(d config.Dirs, old, now config.Config) []stays {
	var out []stays
	if old.Database.Mode != now.Database.Mode {
		out = append(out, stays{"database.mode", "reports and accounts", database(d, old), database(d, now)})
	}
	if was, is := pictures(d, old), pictures(d, now); was != is {
		setting := "storage.engine"
		if old.Storage.Engine == now.Storage.Engine {
			setting = "storage"
		}
		out = append(out, stays{setting, "pictures", was, is})
	}
	return out
}

func database(d config.Dirs, c config.Config) string {
	if c.Database.Mode == "managed" {
		return "our PostgreSQL in " + filepath.Join(d.State, "postgres")
	}
	return "the server that " + d.CredentialFile("database-dsn") + " names"
}

func pictures(d config.Dirs, c config.Config) string {
	switch s := c.Storage; s.Engine {
	case "s3":
		return fmt.Sprintf("the bucket %s at %s", s.Bucket, s.Endpoint)
	case "minio":
		return fmt.Sprintf("the bucket %s of our MinIO in %s", s.Bucket, filepath.Join(d.State, "minio"))
	}
	return "the directory of storage.engine filesystem below " + d.State
}

// keepsData refuses a change that would begin without the data that is there.
func (c *Converger) keepsData(ctx context.Context) error {
	left, _, err := c.Site.moved(ctx)
	if err != nil || len(left) == 0 || c.StartEmpty {
		return err
	}
	var settings, texts []string
	for _, s := range left {
		settings = append(settings, s.setting)
		texts = append(texts, fmt.Sprintf("the %s are in %s, and from then on they are looked for in %s", s.what, s.where, s.now))
	}
	where := "in " + c.Site.Dirs.File()
	if len(left) == 1 && left[0].setting == credentialDSN {
		where = "in " + c.Site.Dirs.CredentialFile("database-dsn")
	}
	return fault.New(fault.Preflight,
		"bugspark apply --start-empty begins with what the new place holds, and leaves the data where it is; to keep what is there, set "+strings.Join(settings, " and ")+" "+where+" as before",
		"a change of %s moves no data: %s. Nothing was changed", strings.Join(settings, " and "), strings.Join(texts, "; "))
}

// moved lists what the configuration leaves behind of the one that was applied.
func (s *Site) moved(ctx context.Context) (left []stays, old config.Config, err error) {
	applied, err := ReadApplied(s.Dirs)
	if err != nil || !applied.Finished {
		return nil, old, err // an installation that was never finished has no data
	}
	old, ok, err := s.before()
	if err != nil || !ok {
		return nil, old, err
	}
	left = leftBehind(s.Dirs, old, s.Config)
	if old.Database.Mode == "external" && s.Config.Database.Mode == "external" && s.empty(ctx) {
		left = append(left, stays{credentialDSN, "reports and accounts", "another database", "the one that it names now, which holds no account"})
	}
	return left, old, nil
}

// empty tells whether the customer's database is none that BugSpark has worked with: its
// connection string leads elsewhere now. A database that does not answer is told by the
// check of the services, which takes the change back.
func (s *Site) empty(ctx context.Context) bool {
	if s.Populated == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	populated, err := s.Populated(ctx)
	return err == nil && !populated
}

// dataSteps tell what changes when other data comes into use.
func (c *Converger) dataSteps(ctx context.Context) ([]step, error) {
	left, _, err := c.Site.moved(ctx)
	if err != nil {
		return nil, err
	}
	told := func(context.Context) error { return nil }
	var out []step
	for _, s := range left {
		out = append(out, step{Change{What: s.what, Action: "leave", Detail: "in " + s.where + "; from now on they are in " + s.now}, told})
	}
	if len(left) > 0 && c.Site.OtherData != nil { // see beginBackups
		out = append(out, step{Change{What: "the backups", Action: "begin anew", Detail: "sets from before prove nothing for what is in use now"}, told})
	}
	return out, nil
}

// beginBackups has backups from before count for nothing once other data is in use: after
// everybody is served with it, since a change that is taken back leaves the data that they
// are of, and before it is remembered as applied, so that an apply which is killed between
// them does it again.
func (c *Converger) beginBackups(ctx context.Context) error {
	left, _, err := c.Site.moved(ctx)
	if err != nil || len(left) == 0 || c.Site.OtherData == nil {
		return err
	}
	return c.Site.OtherData()
}
