package postgres_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/tracker"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
	"github.com/bugspark/bugspark/internal/tracker/postgres/postgrestest"
)

func submission(project, id, title string) tracker.NewReport {
	r := report(project, title)
	r.SubmissionID = id
	return r
}

func TestASubmissionIsOneReportWheneverItIsSent(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	s, other := db.Open(t), db.Open(t)
	p, q := newProject(t, s, "shop"), newProject(t, s, "blog")
	const v7, v4 = "01932c07-209f-7c4e-8a1b-5f6e7d8c9b0a", "5a0c5d58-9c1e-4f6b-8d43-4f0f6d0b6d6b"
	first := create(t, s, submission(p.ID, v7, "as it was"))
	again := func(s *postgres.Store) {
		t.Helper()
		r, created, err := s.CreateReport(t.Context(), submission(p.ID, v7, "another title"))
		if err != nil || created || r.ID != first.ID || r.TrackingID != first.TrackingID || !r.CreatedAt.Equal(first.CreatedAt) {
			t.Errorf("%v %v %+v", err, created, r)
		}
		if r.Title != "another title" {
			t.Errorf("the sender was told %q, which it had not sent", r.Title)
		}
	}
	again(s)
	again(other)
	for _, old := range []string{
		`UPDATE reports SET created_at = created_at - interval '9 days', fingerprint_window = fingerprint_window - 2592`,
		`UPDATE reports SET title = 'triaged', status = 'closed'`,
	} {
		if _, err := db.Connect(t).Exec(t.Context(), old); err != nil {
			t.Fatal(err)
		}
	}
	first.CreatedAt = first.CreatedAt.Add(-9 * 24 * time.Hour)
	again(s)
	if read, err := s.Report(t.Context(), first.ID); err != nil || read.Title != "triaged" {
		t.Errorf("a repeat changed the report: %+v, %v", read, err)
	}
	if elsewhere := create(t, s, submission(q.ID, v7, "as it was")); elsewhere.ID == first.ID {
		t.Error("two projects share a report")
	}
	if second := create(t, s, submission(p.ID, v4, "as it was")); second.TrackingID != "BUG-0002" {
		t.Errorf("%s", second.TrackingID)
	}
	// The time is that of the submission, so reports of one day stay together.
	if made := uuid.MustParse(first.ID); made.Version() != 7 || !strings.HasPrefix(first.ID, v7[:13]) {
		t.Errorf("the id is %s", first.ID)
	}
	if err := s.DeleteReport(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if back := create(t, s, submission(p.ID, v7, "sent after it was deleted")); back.TrackingID != "BUG-0003" {
		t.Errorf("%s", back.TrackingID)
	}
	_, _, err := s.CreateReport(t.Context(), submission(p.ID, "nonsense", "title"))
	wantCode(t, err, tracker.Invalid)
}

// A picture that only a repeat names is no picture of the report: it is deleted like
// every other that no report names.
func TestARepeatGivesAReportNoPicture(t *testing.T) {
	t.Parallel()
	s := postgrestest.New(t)
	p := newProject(t, s, "shop")
	const id = "5a0c5d58-9c1e-4f6b-8d43-4f0f6d0b6d6b"
	first, later := "a/b/first.png", "a/b/later.png"
	for _, key := range []string{first, later} {
		if err := addPicture(t, s, p.ID, key, "image/png", 12); err != nil {
			t.Fatal(err)
		}
	}
	r := submission(p.ID, id, "title")
	r.ScreenshotKey = &first
	create(t, s, r)
	r.ScreenshotKey = &later
	if _, created, err := s.CreateReport(t.Context(), r); err != nil || created {
		t.Fatalf("%v %v", created, err)
	}
	// One picture counts as 64 KiB at least; with none the repeat's would be kept for good.
	if n, err := s.UnnamedBytes(t.Context(), p.ID); err != nil || n != 64<<10 {
		t.Errorf("%d bytes are unnamed, %v", n, err)
	}
}

// submissionPlay sends submissions, again and again, and knows what must be stored.
type submissionPlay struct {
	t        *testing.T
	db       postgrestest.Database
	s        *postgres.Store
	conn     *pgx.Conn
	random   *rand.Rand
	projects []string
	ids      []string
	stored   map[string]tracker.Report // by project and submission
	unsure   map[string]bool           // its answer was lost, and it may be stored
	late     map[string]bool           // its answer was lost, and it may still be on its way
	numbers  map[string]bool           // project and tracking id
	log      []string
}

// TestSubmissionsFollowAModel plays random sequences. BUGSPARK_SOAK lengthens it,
// BUGSPARK_TEST_SEED repeats one.
func TestSubmissionsFollowAModel(t *testing.T) {
	t.Parallel()
	seed, until := uint64(time.Now().UnixNano()), time.Now().Add(3*time.Second)
	if given := os.Getenv("BUGSPARK_TEST_SEED"); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatal(err)
		}
	}
	if given := os.Getenv("BUGSPARK_SOAK"); given != "" {
		length, err := time.ParseDuration(given)
		if err != nil {
			t.Fatal(err)
		}
		until = time.Now().Add(length)
	}
	t.Logf("seed %d", seed)
	steps := 0
	for round := uint64(0); round == 0 || time.Now().Before(until); round++ {
		// A test of its own, whose databases and connections end with it.
		ok := t.Run(fmt.Sprint("seed ", seed+round), func(t *testing.T) { steps += playSubmissions(t, seed+round) })
		if !ok {
			break
		}
	}
	t.Logf("%d steps", steps)
}

func playSubmissions(t *testing.T, seed uint64) (steps int) {
	db := postgrestest.NewDatabase(t)
	s := db.Open(t)
	p := &submissionPlay{
		t: t, db: db, s: s, conn: db.Connect(t), random: rand.New(rand.NewPCG(seed, 0)),
		stored: map[string]tracker.Report{}, unsure: map[string]bool{}, late: map[string]bool{}, numbers: map[string]bool{},
	}
	p.projects = []string{newProject(t, s, "shop").ID, newProject(t, s, "blog").ID}
	for i := range 6 {
		id := p.uuid(4)
		if i%2 == 0 {
			id = p.uuid(7)
		}
		p.ids = append(p.ids, id)
	}
	for steps < 150 && !t.Failed() {
		p.step()
		steps++
	}
	p.check()
	if t.Failed() {
		t.Logf("%s", strings.Join(p.log, "\n"))
	}
	return steps
}

func (p *submissionPlay) uuid(version byte) string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(p.random.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|version<<4, id[8]&0x3f|0x80
	return id.String()
}

func (p *submissionPlay) step() {
	project, id := p.projects[p.random.IntN(2)], p.ids[p.random.IntN(len(p.ids))]
	what := []string{"send", "send", "send", "burst", "burst", "lose", "age", "delete", "restart", "plain"}[p.random.IntN(10)]
	p.log = append(p.log, fmt.Sprintf("%s %s of %s", what, id, project))
	switch what {
	case "send":
		p.send(1, project, id)
	case "burst":
		p.send(2+p.random.IntN(20), project, id)
	case "lose":
		p.lose(project, id)
	case "age":
		if _, err := p.conn.Exec(p.t.Context(), `UPDATE reports SET created_at = created_at - interval '2 days', fingerprint_window = fingerprint_window - 576`); err != nil {
			p.t.Fatal(err)
		}
		for key, r := range p.stored {
			r.CreatedAt = r.CreatedAt.Add(-48 * time.Hour)
			p.stored[key] = r
		}
	case "delete":
		r, there := p.stored[project+id]
		if !there {
			return
		}
		if err := p.s.DeleteReport(p.t.Context(), r.ID); err != nil {
			p.t.Fatal(err)
		}
		delete(p.stored, project+id)
		p.unsure[project+id] = p.late[project+id]
	case "restart":
		p.s.Close()
		p.s = p.db.Open(p.t)
		clear(p.late)
	case "plain": // an older widget's, among the others
		r := report(project, fmt.Sprint("plain ", len(p.log)))
		made, created, err := p.s.CreateReport(p.t.Context(), r)
		clear(p.late) // the writer has come to what was sent before
		if err != nil || !created {
			p.t.Errorf("a report without an id: %v %v", created, err)
		}
		p.number(project, made.TrackingID)
	}
}

func (p *submissionPlay) body(project, id string) tracker.NewReport {
	r := submission(project, id, fmt.Sprintf("title %d", p.random.IntN(1000)))
	r.Fingerprint = sha256.Sum256([]byte(r.Title)) // what the API makes of the body
	return r
}

// send sends one submission several times at once, and others beside it.
func (p *submissionPlay) send(times int, project, id string) {
	type answer struct {
		sent    tracker.NewReport
		report  tracker.Report
		created bool
		err     error
	}
	var wg sync.WaitGroup
	answers := make([]answer, times)
	for i := range answers {
		answers[i].sent = p.body(project, id)
		if i > 0 && p.random.IntN(4) == 0 {
			answers[i].sent = p.body(p.projects[p.random.IntN(2)], p.ids[p.random.IntN(len(p.ids))])
		}
	}
	for i := range answers {
		a := &answers[i]
		wg.Go(func() { a.report, a.created, a.err = p.s.CreateReport(p.t.Context(), a.sent) })
	}
	wg.Wait()
	clear(p.late)
	created, before := map[string]int{}, maps.Clone(p.stored)
	for _, a := range answers {
		key := a.sent.ProjectID + a.sent.SubmissionID
		if a.err != nil {
			p.t.Errorf("sending %s: %v", key, a.err)
			continue
		}
		if a.report.Title != a.sent.Title || a.report.ProjectID != a.sent.ProjectID {
			p.t.Errorf("the sender of %q was answered %+v", a.sent.Title, a.report)
		}
		if a.created {
			created[key]++
			if _, there := before[key]; there {
				p.t.Errorf("%s was stored before and made again", key)
			}
			p.number(a.sent.ProjectID, a.report.TrackingID)
		}
		known, there := p.stored[key]
		if there && (known.ID != a.report.ID || known.TrackingID != a.report.TrackingID || !known.CreatedAt.Equal(a.report.CreatedAt)) {
			p.t.Errorf("%s is %+v, and was %+v", key, a.report, known)
		}
		if !there {
			if a.report.Title = ""; a.created {
				a.report.Title = a.sent.Title
			}
			p.stored[key] = a.report
		} else if a.created {
			known.Title = a.sent.Title
			p.stored[key] = known
		}
	}
	for _, a := range answers {
		key := a.sent.ProjectID + a.sent.SubmissionID
		if n := created[key]; n > 1 || n == 0 && before[key].ID == "" && !p.unsure[key] {
			p.t.Errorf("%s was made %d times", key, n)
		}
	}
	for _, a := range answers {
		delete(p.unsure, a.sent.ProjectID+a.sent.SubmissionID)
	}
}

// lose sends a submission whose sender leaves before the answer.
func (p *submissionPlay) lose(project, id string) {
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Duration(p.random.IntN(3000))*time.Microsecond)
	defer cancel()
	r := p.body(project, id)
	made, created, err := p.s.CreateReport(ctx, r)
	key := project + id
	_, there := p.stored[key]
	p.late[key] = err != nil
	switch {
	case err == nil && created:
		if there {
			p.t.Errorf("%s was stored before and made again", key)
		}
		p.number(project, made.TrackingID)
		p.stored[key] = made
		delete(p.unsure, key)
	case err == nil && !there:
		if !p.unsure[key] {
			p.t.Errorf("%s was not new, and was never sent", key)
		}
		made.Title = ""
		p.stored[key] = made
		delete(p.unsure, key)
	case err != nil && !there:
		p.unsure[key] = true
	}
}

func (p *submissionPlay) number(project, tracking string) {
	if p.numbers[project+tracking] {
		p.t.Errorf("%s was given twice", tracking)
	}
	p.numbers[project+tracking] = true
}

// check reads everything: each submission is there once, as it was first sent.
func (p *submissionPlay) check() {
	p.s.Close() // what is under way ends
	p.s = p.db.Open(p.t)
	var rows, plain int
	if err := p.conn.QueryRow(p.t.Context(), `SELECT count(*), count(*) FILTER (WHERE title LIKE 'plain %') FROM reports`).Scan(&rows, &plain); err != nil {
		p.t.Fatal(err)
	}
	maps.DeleteFunc(p.unsure, func(_ string, unsure bool) bool { return !unsure })
	if rows -= plain; rows < len(p.stored) || rows > len(p.stored)+len(p.unsure) {
		p.t.Errorf("%d reports are stored, %d were acknowledged, of %d nobody knows", rows, len(p.stored), len(p.unsure))
	}
	for key, r := range p.stored {
		read, err := p.s.Report(p.t.Context(), r.ID)
		if err != nil || read.TrackingID != r.TrackingID || r.Title != "" && read.Title != r.Title {
			p.t.Errorf("%s: %+v, %v", key, read, err)
		}
	}
}
