package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

// keyCacheTime is how long a key that was looked up is not looked up again. A change
// by another process of the installation takes effect after this time, one by this
// process at once.
const keyCacheTime = time.Second

// keyCache saves a query for each report of a busy project.
type keyCache struct {
	now  func() time.Time
	mu   sync.RWMutex
	hits map[string]cachedKey
}

type cachedKey struct {
	project tracker.Project
	until   time.Time
}

func newKeyCache(now func() time.Time) *keyCache {
	return &keyCache{now: now, hits: map[string]cachedKey{}}
}

func (c *keyCache) get(hash string) (tracker.Project, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	hit, ok := c.hits[hash]
	return hit.project, ok && c.now().Before(hit.until)
}

func (c *keyCache) put(hash string, p tracker.Project) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hits) > 1000 {
		clear(c.hits)
	}
	c.hits[hash] = cachedKey{p, c.now().Add(keyCacheTime)}
}

func (c *keyCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.hits)
}

// projectOfKey returns the active project of the request's API key. The database
// compares hashes, so the time it takes reveals nothing about a key.
func (a *API) projectOfKey(r *http.Request) (tracker.Project, error) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		return tracker.Project{}, because(keyMissing, tracker.Errorf(tracker.Unauthorized, "the X-API-Key header is missing"))
	}
	if len(key) > 200 {
		return tracker.Project{}, errUnknownKey()
	}
	hash := digest(key)
	if p, ok := a.keys.get(hash); ok {
		return p, checkActive(p)
	}
	p, err := a.Store.ProjectByKey(r.Context(), hash)
	if err != nil {
		if tracker.CodeOf(err) == tracker.NotFound {
			// Each unknown key costs a query, so their rate is limited.
			if limited := a.unknownKeys.take(clientNetwork(r), site(clientNetwork(r))); limited != nil {
				return p, limited
			}
			err = errUnknownKey()
		}
		return p, err
	}
	a.keys.put(hash, p)
	return p, checkActive(p)
}

// checkActive tells who has the key of a project that it is switched off: the page that
// sends it is right, and only the project's owner can mend that.
func checkActive(p tracker.Project) error {
	if p.IsActive {
		return nil
	}
	return because(projectInactive, tracker.Errorf(tracker.Unauthorized, "this project is switched off; its owner can switch it on in its settings"))
}

func errUnknownKey() error {
	return because(keyUnknown, tracker.Errorf(tracker.Unauthorized, "the API key is not valid; the project's settings show how the current one begins"))
}

// limitReports applies the rate limits of reports: a high one for the project and a
// low one for an address, so that one visitor cannot use up the project's.
func (a *API) limitReports(r *http.Request, p tracker.Project) error {
	if err := a.senders.take(p.ID+" "+clientNetwork(r), site(clientNetwork(r))); err != nil {
		return err
	}
	return a.projects.take(p.ID, p.ID)
}
