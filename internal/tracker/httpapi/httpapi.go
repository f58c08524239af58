// Package httpapi serves the HTTP API of the published widget, the published
// command-line client and the dashboard. It declares the store that it needs and
// depends on no database.
//
// Only the reverse proxy can connect to its unix socket, so it trusts the last
// element of X-Forwarded-For.
package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/objectstore"
)

// Options configure New. All members but Widget, Room and SpoolDir are required.
type Options struct {
	Store     Store
	Objects   objectstore.Store
	PublicURL string // without a trailing slash
	Secret    []byte // 32 bytes or more; signs picture links
	Limits    config.Limits
	Accounts  config.Accounts
	// Widget serves the files of the widget. Nil: there are none.
	Widget http.Handler
	// Room returns why the disk takes no more reports and pictures, if so. Nil: it does.
	Room     func() error
	SpoolDir string // where large bodies wait until they are complete; "" is that of the system
	Now      func() time.Time
	Log      *slog.Logger
}

// API answers every request below /api/v1, the health checks, and for the widget's files.
type API struct {
	Options
	linkKey     []byte
	keys        *keyCache
	projects    *limiter // reports of a project
	senders     *limiter // reports of one address to one project
	uploads     *limiter // pictures of one address to one project
	uploaded    *limiter // their bytes
	unknownKeys *limiter // unknown keys of one address
	attempts    *attempts
	changes     *limiter // changes of a password by one session
	hashing     chan struct{}
	spool       *spool
	storing     chan struct{}       // pictures on their way to the object store
	memory      *semaphore.Weighted // bytes of large reports that are being read
	crossOrigin *http.CrossOriginProtection
	handler     http.Handler
}

// New makes the API.
func New(o Options) *API {
	if o.Room == nil {
		o.Room = func() error { return nil }
	}
	mac := hmac.New(sha256.New, o.Secret)
	mac.Write([]byte("picture links"))
	a := &API{
		Options:  o,
		linkKey:  mac.Sum(nil),
		keys:     newKeyCache(o.Now),
		projects: newLimiter(o.Limits.ReportsPerProject, o.Now),
		senders:  newLimiter(o.Limits.ReportsPerAddress, o.Now),
		// A report may come with two pictures, each retried once.
		uploads:     newLimiter(4*o.Limits.ReportsPerAddress, o.Now),
		uploaded:    newLimiter(o.Limits.PictureMiBPerAddress<<20, o.Now),
		unknownKeys: newLimiter(60, o.Now),
		attempts:    newAttempts(o.Limits.LoginsPerAddress, o.Now),
		changes:     newLimiter(o.Limits.LoginsPerAddress, o.Now),
		hashing:     make(chan struct{}, 4),
		spool:       newSpool(o.SpoolDir),
		storing:     make(chan struct{}, 8),
		memory:      semaphore.NewWeighted(reportMemory),
		crossOrigin: http.NewCrossOriginProtection(),
	}
	a.handler = a.wrap(a.routes())
	return a
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }
