package pgcluster

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Origin is where our tables are in a copy of a customer's server.
type Origin struct {
	Superuser string // the role that initdb made
	Database  string
	Namespace string
}

// setAside is what a customer's database is called in the copy if it has the name
// that ours gets there.
const setAside = "bugspark_of_the_customer"

// origin is the customer's database in the copy.
func (s *Scratch) origin() string {
	if s.Origin.Database == Database {
		return setAside
	}
	return s.Origin.Database
}

// ExtractProduct makes, in the running copy of a customer's server, a database as one of
// our own clusters has it, from our schema in the customer's database. Indexes
// are built anew, so it does not matter by which collations they were sorted.
func (s *Scratch) ExtractProduct(ctx context.Context) error {
	if err := s.introduce(ctx); err != nil {
		return fmt.Errorf("preparing the copy of the server: %w", err)
	}
	dump, err := start(s.command(ctx, "pg_dump", append(customerDump(s.Origin.Namespace),
		"--host="+s.Dir, "--username="+s.Origin.Superuser, "--dbname="+s.origin())...), s.as())
	if err != nil {
		return fmt.Errorf("starting pg_dump: %w", err)
	}
	defer dump.Close()
	return s.Load(ctx, dump, s.Origin.Namespace)
}

// introduce makes what every cluster of ours has and the customer's may lack.
func (s *Scratch) introduce(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.dsn(s.Origin.Superuser, "template1"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, missing := range []struct{ there, statement, name string }{
		{`SELECT FROM pg_roles WHERE rolname = $1`, `CREATE ROLE %s`, Superuser},
		{`SELECT FROM pg_database WHERE datname = $1`, `CREATE DATABASE %s TEMPLATE template0`, "postgres"},
	} {
		if err := create(ctx, conn, missing.there, missing.statement, missing.name); err != nil {
			return err
		}
	}
	var taken bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", Database).Scan(&taken); err != nil {
		return err
	}
	statements := []string{"ALTER ROLE " + Superuser + " LOGIN SUPERUSER"}
	if taken {
		statements = append(statements, "ALTER DATABASE "+Database+" RENAME TO "+setAside)
	}
	return run(ctx, conn, statements...)
}

// Dump starts pg_dump of our schema, for a customer's server.
func (s *Scratch) Dump(ctx context.Context) (*Dump, error) {
	o, err := start(s.command(ctx, "pg_dump", append(customerDump(s.Origin.Namespace), "--host="+s.Dir, "--username="+Superuser, "--dbname="+Database)...), s.as())
	if err != nil {
		return nil, fmt.Errorf("starting pg_dump: %w", err)
	}
	return &Dump{o}, nil
}

// Dump is a running logical copy. Read ends with io.EOF only if pg_dump ended
// well.
type Dump struct{ *output }

// as keeps the account of the server's programs.
func (s *Scratch) as() client { return client{account: s.Account} }
