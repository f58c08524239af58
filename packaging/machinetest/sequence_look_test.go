package machinetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// patience is how long any command of a sequence may take.
const patience = "400"

// try runs bugspark and returns what it printed as its result, what it told, and
// its exit status, which is 124 when it did not end.
func (q *sequence) try(args ...string) (out, told string, status int) {
	args = append([]string{"sh", "-c", `exec timeout ` + patience + ` bugspark "$@" 2>/tmp/told`, "sh"}, args...)
	out, status = q.m.Try(args...)
	told, _ = q.m.Try("cat", "/tmp/told")
	return out, strings.TrimSpace(told), status
}

// reports lists the reports, and signs in again where the session is gone with the
// database it was in.
func (q *sequence) reports() map[string]bool {
	q.t.Helper()
	have, err := q.list()
	for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); have, err = q.list() {
		time.Sleep(200 * time.Millisecond)
		q.signIn()
	}
	if err != nil {
		q.t.Fatalf("listing the reports: %v", err)
	}
	return have
}

func (q *sequence) signIn() {
	key := q.s.key
	q.s.key = ""
	defer func() { q.s.key = key }()
	body, err := json.Marshal(map[string]string{"email": q.s.email, "password": q.s.password})
	if err != nil {
		q.t.Fatal(err)
	}
	_, _, _ = q.s.do("POST", "/api/v1/auth/login", "application/json", bytes.NewReader(body))
}

// get decodes an answer.
func (q *sequence) get(path string, into any) error {
	status, answer, err := q.s.do("GET", path, "application/json", nil)
	if err != nil {
		return err
	}
	if status != 200 {
		return fmt.Errorf("%s: status %d: %s", path, status, answer)
	}
	return json.Unmarshal(answer, into)
}

func (q *sequence) list() (map[string]bool, error) {
	out := map[string]bool{}
	for cursor := ""; ; {
		var page struct {
			Items      []struct{ ID string }
			NextCursor string
		}
		if err := q.get("/api/v1/reports?page_size=100&cursor="+url.QueryEscape(cursor), &page); err != nil {
			return nil, err
		}
		for _, r := range page.Items {
			out[r.ID] = true
		}
		if cursor = page.NextCursor; cursor == "" {
			return out, nil
		}
	}
}

// seePictures wants the picture of every report that has one, as it was sent.
func (q *sequence) seePictures(have map[string]bool) {
	q.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(have)) {
		want, ok := q.model.pictures[id]
		if !ok {
			continue
		}
		if err := q.seePicture(id, want); err != nil {
			q.t.Errorf("the picture of report %s: %v", id, err)
		}
	}
}

func (q *sequence) seePicture(id string, want []byte) error {
	var r struct{ ScreenshotURL string }
	if err := q.get("/api/v1/reports/"+id, &r); err != nil {
		return err
	}
	resp, err := q.s.client.Get(r.ScreenshotURL)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s: %d bytes came back instead of %d, or others", resp.Status, len(got), len(want))
	}
	return err
}

// verify compares what the server holds with the live database of the model.
func (q *sequence) verify(what string) {
	q.t.Helper()
	have, now := q.reports(), time.Now()
	if d := q.model.live().match(have, now, now); !d.none() {
		q.t.Fatalf("%s: expected %d reports, found %d: %v\n  lost %v\n  resurrected %v", what, d.want, len(have), d, d.lost, d.resurrected)
	}
	q.seePictures(have)
}

// look compares what the product says with what the model knows: which sets there
// are, and that what it promises is there. One promise is tried each time, or looking
// would take longer than the step.
func (q *sequence) look() {
	q.t.Helper()
	if q.model.away || q.model.off {
		return
	}
	before := q.model.sets
	q.seeSets()
	for _, s := range before {
		if !slices.ContainsFunc(q.model.sets, func(have listed) bool { return have.id == s.id }) {
			q.t.Errorf("set %s is gone, and nobody pruned", s.id)
		}
	}
	q.seeStatus()
	list := q.seeMoments()
	if q.model.kept != nil {
		return // no restore before the last one is confirmed
	}
	why, moment, promised := q.promise(list)
	if !promised {
		return
	}
	if _, told, status := q.try("restore", "--time", stamp(moment), "--dry-run", "--json"); status != 0 {
		q.t.Errorf("%s the state of %s, and a dry run refuses it: status %d: %s", why, stamp(moment), status, told)
	}
}

// promise draws a moment of which the state is promised, or known to the model.
func (q *sequence) promise(list []moments) (why string, moment time.Time, ok bool) {
	m, ok := pick(list, q.random.IntN(100))
	switch q.random.IntN(4) {
	case 0:
		return "the list begins a time with", m.From, ok
	case 1:
		return "the list ends a time with", m.To, ok
	case 2:
		// It may have been promised for the machine before, or before backups were off.
		return "status promises", q.model.through, q.model.known(q.model.through)
	}
	moment, ok = pick(q.model.moments(time.Now()), q.random.IntN(100))
	return "known is", moment, ok
}

// moments is a time of which restore --list says that each moment can be brought back.
type moments struct{ From, To time.Time }

func (m moments) holds(t time.Time) bool { return !t.Before(m.From) && !t.After(m.To) }

func (q *sequence) seeMoments(more ...string) []moments {
	q.t.Helper()
	out, told, status := q.try(append([]string{"restore", "--list", "--json"}, more...)...)
	var list struct{ Moments []moments }
	if err := json.Unmarshal([]byte(out), &list); status != 0 || err != nil {
		q.t.Errorf("restore --list: status %d: %s %v", status, told, err)
	}
	return list.Moments
}

// seeSets lists the sets.
func (q *sequence) seeSets() {
	q.t.Helper()
	out, told, status := q.try("backup", "list", "--json")
	var sets []struct {
		ID       string
		Seconds  float64
		Document struct {
			CreatedAt time.Time `json:"created_at"`
		}
	}
	if err := json.Unmarshal([]byte(out), &sets); status != 0 || err != nil {
		q.t.Errorf("backup list: status %d: %s %v", status, told, err)
		return
	}
	list := []listed{}
	for _, s := range sets {
		at := s.Document.CreatedAt
		list = append(list, listed{s.ID, at, at.Add(time.Duration(s.Seconds*float64(time.Second)) + 500*time.Millisecond)})
	}
	q.model.see(list)
}

// seeStatus reads what status promises.
func (q *sequence) seeStatus() {
	q.t.Helper()
	out, told, status := q.try("status", "--json")
	var s struct {
		State  string
		Backup struct {
			Through time.Time `json:"archived_through"`
		}
	}
	if err := json.Unmarshal([]byte(out), &s); err != nil || (status != 0 && status != 5) {
		q.t.Errorf("status: %d: %s %s %v", status, out, told, err)
		return
	}
	if s.Backup.Through.After(q.model.through) {
		q.model.through = s.Backup.Through
	}
}
