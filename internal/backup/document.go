package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/pgcluster"
)

// format is the layout of a set. A reader refuses a newer one.
const format = 1

// Document is set.json. It says what a set holds and what a restore needs.
type Document struct {
	Format    int       `json:"format"`
	CreatedAt time.Time `json:"created_at"`
	Host      string    `json:"host"`
	Version   string    `json:"version"`
	Database  struct {
		DatabaseFacts
		pgcluster.Extent
	} `json:"database"`
	Logical bool        `json:"logical"` // there is a logical copy
	Objects ObjectFacts `json:"objects"`
	Files   int         `json:"config_files"`
}

// Physical tells whether the set has a copy of the whole cluster, to which WAL can
// be added; of a customer's server it may have only a logical one.
func (d Document) Physical() bool { return d.Database.Start != "" }

// OfCustomer tells whether the database was a customer's.
func (d Document) OfCustomer() bool { return d.Database.Namespace != "" }

// origin is where our tables are in a physical copy of a customer's server.
func (d Document) origin() pgcluster.Origin {
	f := d.Database.DatabaseFacts
	return pgcluster.Origin{Superuser: f.Superuser, Database: f.Name, Namespace: f.Namespace}
}

// DatabaseFacts describe a cluster before it is copied.
type DatabaseFacts struct {
	SystemIdentifier string           `json:"system_identifier"`
	Major            int              `json:"major"`
	Bytes            int64            `json:"bytes"` // of all databases
	Schema           int              `json:"schema"`
	Rows             map[string]int64 `json:"rows"` // of the main tables, when the copy began

	// Of a customer's server: the schema of our tables; and where the whole server
	// is copied, the database with that schema and the role that initdb made.
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Superuser string `json:"superuser,omitempty"`
}

// ObjectFacts describe all objects of a set together.
type ObjectFacts struct {
	Count       int64  `json:"count"`
	Bytes       int64  `json:"bytes"`
	Fingerprint string `json:"fingerprint"` // of names and sizes, the same in any order
}

// Read returns the description of a set.
func Read(ctx context.Context, r *repository.Repository, id string) (Document, error) {
	data, err := r.Document(ctx, id)
	if err != nil {
		return Document{}, err
	}
	return ParseDocument(id, data)
}

// ParseDocument reads the description of a set, which whoever has made the set may have
// written to harm its reader: parts of it come into paths, commands and onto screens.
func ParseDocument(id string, data []byte) (Document, error) {
	var d Document
	if err := json.Unmarshal(data, &d); err != nil {
		return Document{}, fmt.Errorf("reading the description of set %s: %w", id, err)
	}
	if d.Format > format {
		return d, fault.New(fault.Preflight, "install the version that made it, or a newer one",
			"set %s has format %d; this version of bugspark knows nothing after %d", id, d.Format, format)
	}
	if err := d.check(); err != nil {
		return d, fault.Wrap(fault.Preflight, err, "bugspark backup verify, then take another set", "set %s cannot be used: its description is not one that bugspark writes", id)
	}
	return d, nil
}

var systemIdentifier = regexp.MustCompile(`^[0-9]{1,20}$`)

const (
	textLimit    = 255     // bytes of a name, as the host's
	rowsLimit    = 1000    // tables
	latestMajor  = 99      // of PostgreSQL
	oldestMajor  = 10      // the first whose version is a single number
	countedLimit = 1 << 60 // bytes and objects: sums of them are no overflow
)

// unseen tells what could command a terminal, or make one name look like another. A
// customer's database may have any kind of space in its name.
func unseen(r rune) bool { return !unicode.IsGraphic(r) }

func (d Document) check() error {
	f := d.Database
	for what, text := range map[string]string{"host": d.Host, "version": d.Version, "namespace": f.Namespace, "name of the database": f.Name, "superuser": f.Superuser, "fingerprint": d.Objects.Fingerprint} {
		if len(text) > textLimit || !utf8.ValidString(text) || strings.ContainsFunc(text, unseen) {
			return fmt.Errorf("the %s is no name", what)
		}
	}
	if len(f.Rows) > rowsLimit {
		return fmt.Errorf("it counts rows of %d tables", len(f.Rows))
	}
	for table := range f.Rows {
		if len(table) > textLimit || strings.ContainsFunc(table, unseen) {
			return errors.New("it counts rows of a table with no such name")
		}
	}
	for what, n := range map[string]int64{"size of the database": f.Bytes, "number of objects": d.Objects.Count, "size of the objects": d.Objects.Bytes, "number of files": int64(d.Files), "schema": int64(f.Schema)} {
		if n < 0 || n > countedLimit {
			return fmt.Errorf("the %s is %d", what, n)
		}
	}
	if f.Major != 0 && (f.Major < oldestMajor || f.Major > latestMajor) {
		return fmt.Errorf("there is no PostgreSQL %d", f.Major)
	}
	if f.SystemIdentifier != "" && !systemIdentifier.MatchString(f.SystemIdentifier) {
		return fmt.Errorf("%.40q is no system identifier", f.SystemIdentifier)
	}
	return d.checkExtent()
}

func (d Document) checkExtent() error {
	e := d.Database.Extent
	if !d.Physical() {
		return nil
	}
	start, err := archive.ParseLSN(e.Start)
	if err != nil {
		return err
	}
	stop, err := archive.ParseLSN(e.Stop)
	if err != nil {
		return err
	}
	switch {
	case stop < start:
		return fmt.Errorf("it ends at %s and begins at %s", stop, start)
	case int64(e.Timeline) < 1 || int64(e.Timeline) > math.MaxUint32:
		return fmt.Errorf("there is no timeline %d", e.Timeline)
	case d.Database.SystemIdentifier == "":
		return errors.New("it has no system identifier")
	}
	return nil
}
