// Package postgrestest gives every test a migrated database of its own on a
// real PostgreSQL server, which is started once per test binary.
//
// In one file of the test package:
//
//	func TestMain(m *testing.M) { postgrestest.Main(m) }
//
// and then, in tests that may all run in parallel:
//
//	store := postgrestest.New(t)         // opened as the API's role
//	db := postgrestest.NewDatabase(t)    // to open it twice, or as its owner
//	server := postgrestest.StartServer(t) // to kill it
//
// The server runs without fsync, on a unix socket in a temporary directory, as
// an unprivileged account when the tests run as root.
package postgrestest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// shared is the server of this test binary. The testing package offers no other
// place for what outlives one test.
var shared struct {
	sync.Mutex
	server *Server
	err    error
	next   int
	main   bool
}

// Main runs the tests of a package and removes the shared server afterwards.
func Main(m *testing.M) {
	shared.main = true
	m.Run() // TestMain's return exits with its status
	if shared.server != nil {
		shared.server.remove()
	}
}

// The roles of every server here, as in an installation.
const (
	owner = "bugspark"
	api   = "bugspark_api"

	template = "bugspark_template"
)

// Database is one database of a running server.
type Database struct {
	Host string // the directory of the server's socket
	Name string
}

// Options opens the database as the API does.
func (d Database) Options() postgres.Options {
	return postgres.Options{Host: d.Host, Role: api, Database: d.Name}
}

// OwnerOptions opens the database as migrations do.
func (d Database) OwnerOptions() postgres.Options {
	return postgres.Options{Host: d.Host, Role: owner, Database: d.Name}
}

// Open opens the database as the API does until the test ends.
func (d Database) Open(t testing.TB) *postgres.Store { return open(t, d.Options()) }

// OpenAsOwner opens the database as migrations do until the test ends.
func (d Database) OpenAsOwner(t testing.TB) *postgres.Store { return open(t, d.OwnerOptions()) }

func open(t testing.TB, o postgres.Options) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

// Connect is a bare connection as the owner, for what the store does not offer.
func (d Database) Connect(t testing.TB) *pgx.Conn {
	t.Helper()
	conn, err := connect(t.Context(), d.Host, owner, d.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// New is a store on a fresh, migrated database, opened as the API does.
func New(t testing.TB) *postgres.Store {
	t.Helper()
	return NewDatabase(t).Open(t)
}

// NewDatabase is a fresh, migrated database.
func NewDatabase(t testing.TB) Database {
	t.Helper()
	return create(t, template)
}

// EmptyDatabase is a fresh database without any table.
func EmptyDatabase(t testing.TB) Database {
	t.Helper()
	return create(t, "template0")
}

func create(t testing.TB, from string) Database {
	t.Helper()
	shared.Lock()
	if !shared.main {
		t.Fatal("this package's tests need: func TestMain(m *testing.M) { postgrestest.Main(m) }")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer(t.Context(), "off")
	}
	server, err := shared.server, shared.err
	shared.next++
	name := fmt.Sprintf("test_%d", shared.next)
	shared.Unlock()
	if err != nil {
		unavailable(t, err)
	}
	if err := server.admin(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, from, owner)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.admin(ctx, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Error(err)
		}
	})
	return Database{Host: server.dir, Name: name}
}

// unavailable skips on a developer's machine without PostgreSQL, and only
// there.
func unavailable(t testing.TB, err error) {
	t.Helper()
	if _, missing := err.(*notInstalled); missing && os.Getenv("CI") == "" {
		t.Skipf("%v; install the package postgresql to run this test", err)
	}
	t.Fatal(err)
}

// StartServer starts a server with fsync for this test alone, with one migrated
// database.
func StartServer(t testing.TB) *Server {
	t.Helper()
	server, err := newServer(t.Context(), "on")
	if err != nil {
		unavailable(t, err)
	}
	t.Cleanup(server.remove)
	return server
}

// Database is the migrated database of a server made by StartServer.
func (s *Server) Database() Database { return Database{Host: s.dir, Name: template} }
