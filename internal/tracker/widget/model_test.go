package widget_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// isKept looks for a report in the queue until it is there. It makes no database.
const isKept = `(async (title) => {
	window.found = false
	const wait = (r) => new Promise((resolve) => { r.onsuccess = () => resolve(r.result) })
	while (!window.found) {
		await new Promise((resolve) => setTimeout(resolve, 20))
		if (!(await indexedDB.databases()).some((d) => d.name === 'bugspark')) continue
		const db = await wait(indexedDB.open('bugspark'))
		const all = await wait(db.transaction('reports').objectStore('reports').getAll())
		db.close()
		window.found = all.some((e) => e.report.title === title)
	}
})`

// TestModelReportsArriveOnce sends reports while the server comes and goes, loses answers,
// and the page is reloaded or its browser closed at any time. The model: what the visitor
// was told is sent or kept is there once in the end, but what more than five were kept
// after it; nothing else is there.
func TestModelReportsArriveOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BUGSPARK_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("seed %d (BUGSPARK_SEED)", seed)
	until := time.Now().Add(25 * time.Second)
	if soak, err := time.ParseDuration(os.Getenv("BUGSPARK_SOAK")); err == nil {
		until = time.Now().Add(soak)
	}
	random := rand.New(rand.NewPCG(seed, 0))
	s := newStack(t)
	s.body(`<h1>Shop</h1>` + s.script(""))
	profile := t.TempDir()
	options := func() browser.Options {
		return browser.Options{Profile: profile, Allow: []string{"net::", "Failed to load", "ERR_", "503"}}
	}
	v := s.visit(options())
	told := map[string]bool{} // reports that the visitor believes in
	var waiting []string      // kept and not yet seen at the server, the oldest first
	n, steps := 0, 0
	arrived := func() map[string]int {
		out := map[string]int{}
		for _, r := range s.list() {
			out[r.Title]++
		}
		return out
	}
	settle := func() {
		here := arrived()
		var still []string
		for _, title := range waiting {
			if here[title] == 0 {
				still = append(still, title)
			}
		}
		waiting = still
	}
	for time.Now().Before(until) {
		steps++
		switch random.IntN(6) {
		case 0:
			s.answer(away)
		case 1:
			s.answer(nil)
			s.lose.Store(false)
		case 2:
			s.lose.Store(true)
		case 3:
			v.Open("/")
		case 4:
			v.Close()
			v = s.visit(options())
		}
		n++
		title := fmt.Sprintf("Report %d", n)
		v.Wait(`!!window.find('.start')`)
		v.Script(`sessionStorage.removeItem('bugspark:sent'); Object.defineProperty(navigator, 'onLine', { get: () => ` + fmt.Sprint(random.IntN(2) == 0) + `, configurable: true })`)
		v.report(title)
		if random.IntN(4) == 0 {
			// The visitor does not wait: the page is left as soon as the browser has the report.
			v.Script(isKept + `(` + browser.Quote(title) + `)`)
			v.Wait(`window.found || !!window.find('.end')`)
			told[title] = true
			waiting = append(waiting, title)
			v.Open("/")
		} else {
			v.Wait(`!!window.find('.end')`)
			told[title] = true
			waiting = append(waiting, title)
			v.in("Close")
			v.Open("/")
		}
		settle()
		for len(waiting) > 5 { // the oldest goes
			delete(told, waiting[0])
			waiting = waiting[1:]
		}
	}
	s.answer(nil)
	s.lose.Store(false)
	for range 5 {
		v.Open("/")
		v.Wait(`!!window.find('.start')`)
		time.Sleep(time.Second)
		if v.Eval(`localStorage.getItem('bugspark:queue')`) == "<nil>" {
			break
		}
	}
	here := arrived()
	for title := range told {
		if here[title] != 1 {
			t.Errorf("seed %d: %q arrived %d times", seed, title, here[title])
		}
	}
	for title, times := range here {
		if times != 1 {
			t.Errorf("seed %d: %q arrived %d times", seed, title, times)
		}
	}
	t.Logf("%d steps, %d reports arrived", steps, len(here))
}
