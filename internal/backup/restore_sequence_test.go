package backup_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bugspark/bugspark/internal/backup"
	"github.com/bugspark/bugspark/internal/backup/archive"
	"github.com/bugspark/bugspark/internal/backup/repository"
	"github.com/bugspark/bugspark/internal/pgcluster"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// The loss that was reported: going back to one set, taking that back, going back to
// another one, and all that was acknowledged since, on a machine that is destroyed.
func TestNothingIsLostAfterTwoRestoresInARow(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(*server){
		"sets":          func(s *server) { s.restore(backup.RestoreRequest{Set: s.sets[1]}, s.states[1]) },
		"a moment":      func(s *server) { s.restoreTo(2) },
		"sets, twice":   func(s *server) { s.twice() },
		"without a set": func(s *server) { s.undoAgain() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, 1)
			s.load()
			s.set() // A
			s.load()
			s.set() // B
			s.load()
			s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
			s.load()
			s.undo()
			second(s)
			s.confirm()
			s.load()
			s.ship()
			s.lost()
			s.check("after the machine was destroyed")
		})
	}
}

func (s *server) twice() {
	s.restore(backup.RestoreRequest{Set: s.sets[1]}, s.states[1])
	s.load()
	s.undo()
	s.restore(backup.RestoreRequest{Set: s.sets[1]}, s.states[1])
}

func (s *server) undoAgain() {
	s.restore(backup.RestoreRequest{Set: s.sets[0]}, s.states[0])
	s.undo()
}

// TestSequencesOfRestoresBringBackWhatWasThere restores, loads, prunes and loses
// machines at random and compares with what was acknowledged. BUGSPARK_SOAK is how long
// it goes on, and BUGSPARK_SEED with which sequence it begins.
func TestSequencesOfRestoresBringBackWhatWasThere(t *testing.T) {
	t.Parallel()
	end := time.Now()
	if soak := os.Getenv("BUGSPARK_SOAK"); soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatal(err)
		}
		end = end.Add(d)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BUGSPARK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n == 0 || time.Now().Before(end); n, seed = n+1, seed+1 {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := newServer(t, seed)
			s.load()
			s.set()
			for range 8 {
				s.step()
			}
		})
	}
}

// server is a machine with a server, and a model of what it holds: the rows at
// each moment.
type server struct {
	*continuous
	t      *testing.T
	random *rand.Rand
	data   string // directory of the server that runs
	aside  string // what the last restore put aside
	next   int    // id of the next row

	rows     map[int]bool // that are there
	before   map[int]bool // that were put aside
	moments  []state
	sets     []string
	states   []map[int]bool // of the sets
	shipped  map[int]bool   // what was there when everything was archived
	restores int
	wrote    time.Time // before the last row
	archived time.Time // when a row was written of which the WAL was archived
	pruned   time.Time // moments before may be gone
	proven   int       // how many of the moments are before everything was archived
}

// state is what was there at a moment at which nothing happened.
type state struct {
	at   time.Time
	rows map[int]bool
	// unproven: the server was left before anything came after the moment that tells that
	// nothing else had happened until then. It may be refused.
	unproven bool
}

func newServer(t *testing.T, seed uint64) *server {
	t.Helper()
	s := &server{continuous: newContinuous(t), t: t, random: rand.New(rand.NewPCG(seed, 0)), rows: map[int]bool{}}
	// The first server is of the tests; one of ours takes its place.
	r := s.open(t)
	if _, _, err := backup.Create(t.Context(), r, s.sources(), func(backup.Progress) {}); err != nil {
		t.Fatal(err)
	}
	s.continuous.stop()
	s.put(s.recover(backup.RestoreRequest{Set: backup.Latest}))
	s.aside = ""
	s.shipped = map[int]bool{}
	return s
}

func (s *server) step() {
	switch s.random.IntN(12) {
	case 0, 1, 2:
		s.load()
		if s.random.IntN(2) == 0 {
			s.ship()
		}
	case 3:
		s.set()
	case 4:
		s.setWhile(s.ship)
	case 5, 6:
		s.confirm()
		s.restoreTo(s.random.IntN(len(s.moments)))
	case 7:
		s.confirm()
		s.ship()
		s.restore(backup.RestoreRequest{Set: backup.Latest}, s.rows)
	case 8:
		s.confirm()
		n := s.random.IntN(len(s.sets))
		s.restore(backup.RestoreRequest{Set: s.sets[n]}, s.states[n])
	case 9:
		if s.aside != "" {
			s.undo()
		}
	case 10:
		s.lost()
	case 11:
		s.prune()
	}
	s.check("after this step")
}

func (s *server) load() {
	s.t.Helper()
	s.t.Logf("load from %d", s.next)
	for range 3 + s.random.IntN(5) {
		s.wrote = time.Now()
		if err := s.submit(s.t.Context(), s.conn, s.next); err != nil {
			s.t.Fatal(err)
		}
		s.rows[s.next] = true
		s.next++
	}
	s.quiet()
}

// quiet notes a moment at which nothing happens.
func (s *server) quiet() {
	s.pause()
	s.moments = append(s.moments, state{at: time.Now(), rows: maps.Clone(s.rows)})
	s.pause()
}

// pause lets the clock go on: a commit has the time of its microsecond.
func (s *server) pause() { time.Sleep(2 * time.Millisecond) }

func (s *server) set() { s.setWhile(func() {}) }

// setWhile takes a set, and does something while the database is copied.
func (s *server) setWhile(work func()) {
	s.t.Helper()
	r := s.open(s.t)
	var once sync.Once
	id, _, err := backup.Create(s.t.Context(), r, s.sources(), func(p backup.Progress) {
		if p.Part == "database" && p.Bytes > 0 {
			once.Do(work)
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("set %s", id)
	s.sets, s.states = append(s.sets, id), append(s.states, maps.Clone(s.rows))
	s.quiet()
}

func (s *server) ship() {
	s.t.Helper()
	s.continuous.ship(s.t)
	s.shipped, s.archived = maps.Clone(s.rows), s.wrote
	s.proven = len(s.moments)
	s.quiet()
}

// restoreTo goes back to a moment that was noted.
func (s *server) restoreTo(n int) {
	s.t.Helper()
	m := s.moments[n]
	s.ship()
	s.t.Logf("restore --time %s", m.at.Format(time.StampMicro))
	copied, err := s.recovered(backup.RestoreRequest{Time: m.at, Through: s.shipper.State.Through})
	if err != nil {
		sets, listing := s.open(s.t).Sets(s.t.Context())
		if listing != nil {
			s.t.Fatal(listing)
		}
		whole := slices.ContainsFunc(sets, func(r repository.Set) bool { return !r.EndedAt.After(m.at) })
		if whole && m.at.After(s.pruned) && !m.unproven {
			s.t.Fatalf("%s is refused: %v", m.at.Format(time.StampMicro), err)
		}
		s.t.Logf("refused: %v", err)
		return
	}
	s.exchange(copied, m.rows)
}

func (s *server) restore(w backup.RestoreRequest, want map[int]bool) {
	s.t.Helper()
	s.t.Logf("restore --set %s", w.Set)
	copied, err := s.recovered(w)
	if err != nil {
		if _, reading := backup.Read(s.t.Context(), s.open(s.t), w.Set); w.Set != backup.Latest && reading != nil {
			return // pruned
		}
		s.t.Fatal(err)
	}
	s.exchange(copied, want)
}

// exchange stops the server, puts the copy into its place and starts it.
func (s *server) exchange(copied string, want map[int]bool) {
	s.t.Helper()
	s.shutDown("fast")
	s.before = s.rows
	aside := s.data
	s.put(copied)
	s.aside, s.rows = aside, maps.Clone(want)
	s.quiet()
}

func (s *server) undo() {
	s.t.Helper()
	s.t.Log("undo")
	s.shutDown("fast")
	beyond := uint32(0)
	for _, dir := range []string{s.data, s.aside} {
		n, err := pgcluster.LargestTimeline(dir)
		if err != nil {
			s.t.Fatal(err)
		}
		beyond = max(beyond, n)
	}
	dir := shared(s.t)
	scratch := &pgcluster.Scratch{Server: s.installed(), DataDir: s.aside, Dir: dir, Account: nobody(s.t), Durable: true}
	if os.Getuid() == 0 {
		if out, err := exec.Command("chown", "-R", "nobody:nogroup", s.aside, dir).CombinedOutput(); err != nil {
			s.t.Fatalf("%v %s", err, out)
		}
	}
	if err := scratch.StartNewTimeline(s.t.Context(), beyond); err != nil {
		s.t.Fatal(err)
	}
	s.put(s.aside)
	s.aside, s.rows = "", s.before
	s.quiet()
}

func (s *server) confirm() { s.aside, s.before = "", nil }

// lost destroys the machine and brings back the newest state on another one, which has
// the archive alone.
func (s *server) lost() {
	s.t.Helper()
	s.t.Log("machine lost")
	s.shutDown("immediate")
	s.spool = s.t.TempDir()
	s.data = ""
	s.put(s.recover(backup.RestoreRequest{Set: backup.Latest}))
	s.aside, s.before = "", nil
	found := s.found()
	for id := range s.shipped {
		// What a restore has taken back since then is not there, and need not be.
		if s.rows[id] && !found[id] {
			s.t.Fatalf("row %d was archived and is lost: %v", id, slices.Sorted(maps.Keys(found)))
		}
	}
	for id := range found {
		if !s.rows[id] && !s.shipped[id] {
			s.t.Fatalf("row %d is there again: %v", id, slices.Sorted(maps.Keys(found)))
		}
	}
	s.rows = found
	// What is known of later than the last archived row went with the machine.
	s.moments = slices.DeleteFunc(s.moments, func(m state) bool { return m.at.After(s.archived) })
	s.proven = len(s.moments)
	s.quiet()
}

// prune lets sets and WAL go that nothing of the last seconds needs.
func (s *server) prune() {
	s.t.Helper()
	s.t.Log("prune")
	ctx, r := s.t.Context(), s.open(s.t)
	sets, err := r.Sets(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	begin := time.Now().Add(-time.Duration(s.random.Int64N(int64(time.Minute))))
	var bases []archive.Base
	for _, set := range sets {
		d, err := backup.Read(ctx, r, set.ID)
		if err != nil {
			s.t.Fatal(err)
		}
		start, _ := archive.ParseLSN(d.Database.Start)
		stop, err := archive.ParseLSN(d.Database.Stop)
		if err != nil {
			s.t.Fatal(err)
		}
		bases = append(bases, archive.Base{Set: set.ID, Timeline: uint32(d.Database.Timeline), Start: start, Stop: stop, EndedAt: set.EndedAt})
	}
	wal, err := s.archive.WAL(ctx, s.system)
	if err != nil {
		s.t.Fatal(err)
	}
	needs, err := wal.Needs(ctx, bases, begin)
	if err != nil {
		s.t.Fatal(err)
	}
	var going []string
	for _, set := range sets[min(3, len(sets)):] {
		if needs.Sets[set.ID] == "" {
			going = append(going, set.ID)
		}
	}
	if err := r.Delete(ctx, going); err != nil {
		s.t.Fatal(err)
	}
	gone, err := s.archive.Prune(ctx, s.system, needs, begin, false)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%d sets and %d files went, window from %s", len(going), gone.Files, begin.Format(time.StampMicro))
	s.pruned = begin
}

func (s *server) recover(w backup.RestoreRequest) string {
	s.t.Helper()
	copied, err := s.recovered(w)
	if err != nil {
		s.t.Fatal(err)
	}
	return copied
}

// recovered is the data directory that a request leads to.
func (s *server) recovered(w backup.RestoreRequest) (string, error) {
	s.t.Helper()
	r := s.open(s.t)
	point, err := backup.Choose(s.t.Context(), r, s.archive, w)
	if err != nil {
		return "", err
	}
	copied, data := worker(s.t, true)
	plan, err := backup.PrepareDatabase(s.t.Context(), r, point, data, "")
	if err != nil {
		return "", err
	}
	if err := backup.RestoreDatabase(s.t.Context(), r, plan, copied, func(backup.Progress) {}); err != nil {
		s.t.Fatal(err)
	}
	beyond, err := archive.LargestTimeline(filepath.Join(s.spool, s.system))
	if err == nil && s.data != "" {
		live, looking := pgcluster.LargestTimeline(s.data)
		beyond, err = max(beyond, live), looking
	}
	if err != nil {
		s.t.Fatal(err)
	}
	recovery := &backup.Recovery{RestorePoint: point, Product: postgres.Inventory{}, Copy: copied, Beyond: beyond}
	if _, err = recovery.Run(s.t.Context(), nil); err != nil {
		if log, reading := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(data)), "s", "log")); reading == nil {
			s.t.Logf("the scratch server said:\n%s", log)
		}
		s.t.Fatal(err) // what was chosen must be there
	}
	return data, copied.Close()
}

func (s *server) installed() pgcluster.Server {
	s.t.Helper()
	found, err := s.cluster().Find(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// put starts a server on a data directory, and the services that archive its WAL.
func (s *server) put(data string) {
	s.t.Helper()
	s.data = data
	s.host = start(s.t, data)
	s.conn = connect(s.t, s.host, "bugspark")
	source := &backup.Source{Product: postgres.Inventory{}, DSN: "host=" + s.host + " user=bugspark_backup dbname=bugspark", Slot: s.cluster().Upstream().Slot}
	s.t.Cleanup(func() { source.Close() })
	state := archive.State{}
	if s.shipper != nil && s.spool == filepath.Dir(s.shipper.Spool) {
		state = s.shipper.State // the same machine
	}
	s.shipper = &archive.Shipper{Archive: s.archive, System: s.system, Spool: filepath.Join(s.spool, s.system), Source: source, Objects: s.objects,
		Now: time.Now, Log: slog.New(slog.DiscardHandler), State: state}
	s.receive(s.t, s.cluster().Upstream())
}

// shutDown stops the server, after what it wrote last was received, and the services.
func (s *server) shutDown(how string) {
	s.t.Helper()
	for n := s.proven; n < len(s.moments); n++ {
		s.moments[n].unproven = s.moments[n].unproven || s.moments[n].at.After(s.wrote)
	}
	s.conn.Close(context.WithoutCancel(s.t.Context()))
	s.pgctl("-m", how, "stop")
	s.continuous.stop()
	s.restores++
}

func (s *server) pgctl(args ...string) {
	s.t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if err != nil || len(found) == 0 {
		s.t.Fatalf("no pg_ctl: %v", err)
	}
	cmd := exec.Command(found[len(found)-1], append([]string{"-D", s.data, "-w", "-s"}, args...)...)
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.Args = append([]string{"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"}, cmd.Args...)
		cmd.Args[4] = found[len(found)-1]
		if cmd.Path, err = exec.LookPath("setpriv"); err != nil {
			s.t.Fatal(err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("pg_ctl %v: %v %s", args, err, out)
	}
}

// found are the rows that the server has.
func (s *server) found() map[int]bool {
	s.t.Helper()
	found, err := s.conn.Query(s.t.Context(), "SELECT id FROM acknowledged")
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[int]bool{}
	var id int
	if _, err := pgx.ForEachRow(found, []any{&id}, func() error { out[id] = true; return nil }); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *server) check(when string) {
	s.t.Helper()
	if found := s.found(); !maps.Equal(found, s.rows) {
		s.t.Fatalf("%s there are %v, and not %v", when, slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(s.rows)))
	}
}
