package alert

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// The model knows which episodes of problems there must be, and checks every
// message against them:
//   - nobody is left in the dark about a problem,
//   - people hear of a problem once a day while it lasts, and more often only
//     when a process was killed between telling and remembering it,
//   - its end is told exactly once, under the same condition,
//   - after the state was lost, problems that last are told anew.
type model struct {
	t       *testing.T
	b       *bench
	rand    *rand.Rand
	keys    []string
	failing map[string]bool
	text    map[string]string
	known   map[string][]*modelEpisode
	tried   time.Time // when a delivery last failed
	log     []string
}

type modelEpisode struct {
	since, over, told time.Time
	ended             int
	excused           int  // repetitions that kills allow
	lost              bool // the state was lost: nothing more is owed
}

func (e *modelEpisode) open() bool { return !e.lost && e.over.IsZero() }

func TestModel(t *testing.T) {
	span := 2 * time.Second
	if text := os.Getenv("BUGSPARK_SOAK"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	runs, seed := 0, rand.Uint64()
	for end := time.Now().Add(span); time.Now().Before(end) && !t.Failed(); runs++ {
		seed++
		newModel(t, seed).run(200)
	}
	t.Logf("%d sequences, the last with seed %d", runs, seed)
}

func newModel(t *testing.T, seed uint64) *model {
	b := newBench(t)
	b.Channels = []Channel{b.mail} // the order of two channels is left to chance
	return &model{t: t, b: b, rand: rand.New(rand.NewPCG(seed, 0)),
		keys:    []string{"bugspark-a.service", "bugspark-b.service", "bugspark-c.service"},
		failing: map[string]bool{}, text: map[string]string{}, known: map[string][]*modelEpisode{},
		log: []string{fmt.Sprintf("seed %d", seed)}}
}

func (m *model) run(steps int) {
	defer os.RemoveAll(m.b.Dir) // a long run makes many
	for range steps {
		m.step()
		if m.t.Failed() {
			for _, l := range m.log[max(0, len(m.log)-40):] {
				m.t.Log(l)
			}
			m.t.Log(m.log[0])
			return
		}
	}
}

func (m *model) note(format string, args ...any) {
	m.log = append(m.log, m.b.now.Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (m *model) step() {
	key := m.keys[m.rand.IntN(len(m.keys))]
	switch m.rand.IntN(12) {
	case 0, 1, 2:
		m.fail(key)
		m.deliver("alert "+key, func() error { m.opened(key); return m.b.Notify(m.t.Context(), key) })
	case 3: // the alert itself was killed before it could record anything
		m.fail(key)
		m.note("%s fails unheard", key)
	case 4, 5:
		m.failing[key] = false
		m.b.units.states[key] = UnitState{Active: []string{"active", "inactive"}[m.rand.IntN(2)]}
		m.note("%s is well", key)
	case 6:
		m.b.mail.down = !m.b.mail.down
		m.note("down %v", m.b.mail.down)
	case 7:
		m.lose()
	default:
		m.review()
	}
	m.b.now = m.b.now.Add([]time.Duration{time.Second, 5 * time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour}[m.rand.IntN(5)])
}

// fail also stands for the same failure with another text.
func (m *model) fail(key string) {
	m.failing[key] = true
	m.text[key] = fmt.Sprintf("text %d", m.rand.Int())
	m.b.units.states[key] = UnitState{Active: "failed", Started: m.b.now}
	m.b.units.said[key] = m.text[key]
}

func (m *model) lose() {
	var err error
	switch m.rand.IntN(3) {
	case 0:
		err = os.Remove(m.b.stateFile())
	case 1:
		err = os.WriteFile(m.b.stateFile(), []byte("\x00\x00{"), 0o600)
	default:
		if data, readErr := os.ReadFile(m.b.stateFile()); readErr == nil {
			err = os.WriteFile(m.b.stateFile(), data[:len(data)/2], 0o600)
		}
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	m.note("the state is lost")
	for _, list := range m.known {
		for _, e := range list {
			e.lost = true
		}
	}
}

func (m *model) opened(key string) {
	list := m.known[key]
	if n := len(list); n == 0 || !list[n-1].open() {
		m.known[key] = append(list, &modelEpisode{since: m.b.now})
	}
}

func (m *model) review() {
	m.deliver("review", func() error {
		for _, key := range m.keys {
			switch list := m.known[key]; {
			case m.failing[key]:
				m.opened(key)
			case len(list) > 0 && list[len(list)-1].open():
				list[len(list)-1].over = m.b.now
			}
		}
		return m.b.Review(m.t.Context())
	})
}

// deliver runs an operation, now and then in a process that is killed when the
// first message is on its way or has arrived.
func (m *model) deliver(what string, operation func() error) {
	channel := m.b.mail
	var left []byte // the state that the killed process leaves
	killed := false
	kill := func() {
		killed = true
		left, _ = os.ReadFile(m.b.stateFile())
	}
	kind := m.rand.IntN(10)
	c := &mortal{channel, func() bool { return killed }, nil, nil}
	if !channel.down {
		switch kind {
		case 0:
			c.before = kill
		case 1:
			c.after = kill
		}
	}
	m.b.Channels = []Channel{c}
	before := len(channel.sent)
	err := operation()
	if killed {
		if err := os.WriteFile(m.b.stateFile(), left, 0o600); err != nil {
			m.t.Fatal(err)
		}
	}
	m.note("%s: killed %v, %v", what, killed, err)
	if channel.down && err != nil {
		m.tried = m.b.now
	}
	for _, message := range channel.sent[before:] {
		m.check(message, killed)
	}
	for _, list := range m.known {
		for _, e := range list {
			if !e.over.IsZero() && m.b.now.Sub(e.over) > forgetAfter {
				e.lost = true
			}
		}
	}
	// A delivery that failed is tried again within the hour.
	if !channel.down && !killed && (m.tried.IsZero() || m.b.now.Sub(m.tried) > time.Hour) {
		if err != nil {
			m.t.Errorf("%s: %v", what, err)
		}
		m.owed()
	}
}

// mortal is a channel of a process that dies.
type mortal struct {
	*fakeChannel
	dead          func() bool
	before, after func()
}

func (c *mortal) Send(ctx context.Context, m Message) error {
	if c.before != nil && !c.dead() {
		c.before()
	}
	if c.dead() {
		return errors.New("killed")
	}
	err := c.fakeChannel.Send(ctx, m)
	if err == nil && c.after != nil {
		c.after()
	}
	return err
}

func (m *model) check(got Message, killed bool) {
	m.note("  %s %s since %s", got.Key, got.State, got.Since.Format("02 15:04:05"))
	var e *modelEpisode
	for _, have := range m.known[got.Key] {
		if have.since.Equal(got.Since) {
			e = have
		}
	}
	switch {
	case e == nil:
		m.t.Errorf("%s since %s never was", got.Key, got.Since)
		return
	case got.State == Resolved:
		e.ended++
		if e.over.IsZero() || !got.At.Equal(e.over) {
			m.t.Errorf("%s is not over, or was at %s", got.Key, e.over)
		}
		if e.ended > 1+e.excused {
			m.t.Errorf("the end of %s is told %d times", got.Key, e.ended)
		}
	default:
		if !e.over.IsZero() {
			m.t.Errorf("%s is over and told to last", got.Key)
		}
		if !e.told.IsZero() && got.sent.Sub(e.told) < 24*time.Hour && e.excused == 0 {
			m.t.Errorf("%s is told again after %s", got.Key, got.sent.Sub(e.told))
		}
		if !e.told.IsZero() && got.sent.Sub(e.told) < 24*time.Hour {
			e.excused--
		}
		if m.failing[got.Key] && got.Text != m.text[got.Key] && !m.unheard(got) {
			m.t.Errorf("%s: %q instead of %q", got.Key, got.Text, m.text[got.Key])
		}
		e.told = got.sent
	}
	if killed {
		e.excused++
	}
}

// unheard tells whether the last failure's alert was killed, so that nobody knows
// its text.
func (m *model) unheard(got Message) bool {
	st := m.b.units.states[got.Key]
	return st.Started.Before(m.b.now)
}

// owed checks that everything that is known was told.
func (m *model) owed() {
	for key, list := range m.known {
		for _, e := range list {
			switch {
			case e.lost:
			case e.open() && (e.told.IsZero() || m.b.now.Sub(e.told) >= 24*time.Hour):
				m.t.Errorf("nobody was told of %s since %s", key, e.since)
			case !e.over.IsZero() && e.ended == 0:
				m.t.Errorf("nobody was told that %s is over since %s", key, e.over)
			}
		}
	}
}
