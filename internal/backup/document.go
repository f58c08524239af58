package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

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
	var d Document
	data, err := r.Document(ctx, id)
	if err != nil {
		return d, err
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, fmt.Errorf("reading the description of set %s: %w", id, err)
	}
	if d.Format > format {
		return d, fault.New(fault.Preflight, "install the version that made it, or a newer one",
			"set %s has format %d; this version of bugspark knows nothing after %d", id, d.Format, format)
	}
	return d, nil
}
