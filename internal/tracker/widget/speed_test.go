package widget_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bugspark/bugspark/internal/browser"
)

// sample is a page of some size, which shifts nothing by itself.
func sample() string {
	var b strings.Builder
	b.WriteString(`<h1>Offers</h1><p>` + strings.Repeat("Everything about our offers. ", 60) + `</p><ul>`)
	for i := range 300 {
		fmt.Fprintf(&b, `<li><a href="/offer/%d">Offer %d</a> <button>Buy</button></li>`, i, i)
	}
	return b.String() + `</ul>`
}

// measure keeps what the browser says about the page, as the field tools of its makers do.
const measure = `window.seen = { lcp: 0, cls: 0, tbt: 0 }
	new PerformanceObserver((l) => { for (const e of l.getEntries()) seen.lcp = e.startTime }).observe({ type: 'largest-contentful-paint', buffered: true })
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) seen.cls += e.value }).observe({ type: 'layout-shift', buffered: true })
	new PerformanceObserver((l) => { for (const e of l.getEntries()) seen.tbt += e.duration - 50 }).observe({ type: 'longtask', buffered: true })
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (e.interactionId) seen.inp = Math.max(seen.inp ?? 0, e.duration) }).observe({ type: 'event', durationThreshold: 16, buffered: true })`

// TestThePageIsAsFastAsBefore prints the Core Web Vitals of a page with the widget and
// without, in turn; 20 runs each with BUGSPARK_SOAK, 3 otherwise. Nothing is asserted about
// times; that nothing of the page moves is.
func TestThePageIsAsFastAsBefore(t *testing.T) {
	runs := 3
	if os.Getenv("BUGSPARK_SOAK") != "" {
		runs = 20
	}
	s := newStack(t)
	type vitals struct{ LCP, CLS, TBT, INP, FCP float64 }
	const (
		without = "without"
		trivial = "with an empty script from there"
		with    = "with the widget"
	)
	kinds := []string{with, trivial, without}
	empty := func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/empty.js" {
			return false
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		return true
	}
	s.before.Store(&empty)
	tags := map[string]string{with: s.script("async crossorigin"), trivial: `<script async crossorigin src="` + s.server.URL + `/empty.js"></script>`, without: ""}
	found := map[string][]vitals{}
	s.body(sample())
	v := s.visit(browser.Options{Before: browser.ShadowRoots + ";" + measure})
	for i := range runs {
		for n := range kinds {
			kind := kinds[(i+n)%len(kinds)] // each comes first, in the middle and last
			s.body(sample() + tags[kind])
			v.Open("/")
			time.Sleep(100 * time.Millisecond)
			v.Wait(`document.readyState === 'complete' && seen.lcp > 0`)
			if kind == with {
				v.Wait(`!!window.find('.start')`)
			}
			time.Sleep(300 * time.Millisecond)
			v.Click(40, 40)
			time.Sleep(300 * time.Millisecond)
			var one vitals
			if err := json.Unmarshal([]byte(v.Eval(`JSON.stringify({ ...seen, fcp: performance.getEntriesByName('first-contentful-paint')[0]?.startTime })`)), &one); err != nil {
				t.Fatal(err)
			}
			found[kind] = append(found[kind], one)
			if one.CLS > 0.001 {
				t.Errorf("%s: layout shift %v", kind, one.CLS)
			}
		}
	}
	for _, what := range []struct {
		name string
		of   func(vitals) float64
	}{{"FCP", func(v vitals) float64 { return v.FCP }}, {"LCP", func(v vitals) float64 { return v.LCP }}, {"INP", func(v vitals) float64 { return v.INP }}, {"TBT", func(v vitals) float64 { return v.TBT }}, {"CLS", func(v vitals) float64 { return v.CLS }}} {
		for _, kind := range kinds {
			var all []float64
			for _, one := range found[kind] {
				all = append(all, what.of(one))
			}
			slices.Sort(all)
			t.Logf("%s %-32s median %6.1f, %6.1f to %6.1f, middle half %6.1f to %6.1f", what.name, kind, all[len(all)/2], all[0], all[len(all)-1], all[len(all)/4], all[len(all)*3/4])
		}
	}
}

// TestFirstWorkIsShort prints how long the script works at its start, and every long task before the button is pressed.
func TestFirstWorkIsShort(t *testing.T) {
	s := newStack(t)
	s.body(sample() + s.script(`data-enable-session-recording="true"`))
	v := s.visit(browser.Options{Before: browser.ShadowRoots + `; window.long = []; new PerformanceObserver((l) => long.push(...l.getEntries().map((e) => e.duration))).observe({ type: 'longtask', buffered: true })`})
	v.Wait(`!!window.find('.start')`)
	time.Sleep(time.Second)
	t.Logf("long tasks before the button is pressed: %s", v.Eval(`JSON.stringify(window.long)`))
	// init in a page that is complete does all the work at once, and can be timed from outside.
	for range 5 {
		t.Logf("destroy and init: %s ms", v.Eval(`(() => { BugSpark.destroy(); const t = performance.now(); BugSpark.init({ projectKey: 'k', endpoint: '`+s.server.URL+`/api/v1' }); return (performance.now() - t).toFixed(2) })()`))
		time.Sleep(200 * time.Millisecond)
	}
}
