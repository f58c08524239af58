package postgres

import (
	"io/fs"
	"regexp"

	"github.com/bugspark/bugspark/migrations"
)

// Tables are the names of all tables that any version up to this one makes, to
// tell them from those of others in the same schema.
func Tables() ([]string, error) {
	made := regexp.MustCompile(`(?m)^CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)`)
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		return nil, err
	}
	out := []string{"schema_migrations", "schema_history"}
	for _, name := range names {
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, m := range made.FindAllSubmatch(text, -1) {
			out = append(out, string(m[1]))
		}
	}
	return out, nil
}
