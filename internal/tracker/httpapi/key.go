package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/bugspark/bugspark/internal/tracker"
)

// keyLife is how long a looked-up key is believed without asking again. A
// change through this process is seen at once; one through another process of
// the same installation may go unnoticed for this long.
const keyLife = time.Second

// keyCache spares a query per report on a busy project.
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
	c.hits[hash] = cachedKey{p, c.now().Add(keyLife)}
}

func (c *keyCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.hits)
}

// keyed returns the active project of the request's API key. Only hashes are
// compared, by the database's index, so timing tells nothing about a key.
func (a *API) keyed(r *http.Request) (tracker.Project, error) {
	key := r.Header.Get("X-Api-Key")
	if key == "" {
		return tracker.Project{}, tracker.Errorf(tracker.Unauthorized, "the X-API-Key header is missing")
	}
	if len(key) > 200 {
		return tracker.Project{}, errUnknownKey()
	}
	hash := digest(key)
	if p, ok := a.keys.get(hash); ok {
		return p, nil
	}
	p, err := a.Store.ProjectByKey(r.Context(), hash)
	if err != nil {
		if tracker.CodeOf(err) == tracker.NotFound {
			// Each costs a query: who tries many keys is slowed down.
			if limited := a.guesses.take(clientNetwork(r)); limited != nil {
				return p, limited
			}
			err = errUnknownKey()
		}
		return p, err
	}
	a.keys.put(hash, p)
	return p, nil
}

func errUnknownKey() error {
	return tracker.Errorf(tracker.Unauthorized, "the API key is not valid; the project's settings show the current one")
}

// admit applies the rate limits of the widget's routes: generous for a project,
// narrow for one address, so that a visitor cannot use up the others' share.
func (a *API) admit(r *http.Request, p tracker.Project) error {
	if err := a.senders.take(p.ID + " " + clientNetwork(r)); err != nil {
		return err
	}
	return a.projects.take(p.ID)
}
