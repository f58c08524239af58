package machinetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// step is one step of a sequence. Its text, such as "lost:copy:time:40", can be
// given to BUGSPARK_STEPS.
type step struct {
	kind string
	how  string // of create: load; of prune: short; of lost: what is restored then
	copy bool   // of lost: from the second target
	at   int    // 0 to 99: which moment, or which set, of those that there are
}

// The kinds of steps. Those of restores are also what a lost machine is restored to.
const (
	stepLoad    = "load"    // reports come in, and some go
	stepCreate  = "create"  // a set
	stepTime    = "time"    // back to a moment
	stepSet     = "set"     // one set as it is
	stepLatest  = "latest"  // the newest state
	stepUndo    = "undo"    // the last restore
	stepConfirm = "confirm" // the last restore
	stepLost    = "lost"    // the machine is destroyed, a new one is restored
	stepPrune   = "prune"   // old sets and WAL go
	stepAway    = "away"    // the target goes, and reports come in
	stepBack    = "back"    // the target is there again
	stepSecond  = "second"  // a copy onto the second target
	stepOff     = "off"     // backups are turned off, and reports come in
	stepOn      = "on"      // backups are turned on again
)

func (s step) String() string {
	out := s.kind
	if s.copy {
		out += ":copy"
	}
	if s.how != "" {
		out += ":" + s.how
	}
	if s.kind == stepTime || s.kind == stepSet || s.how == stepTime || s.how == stepSet {
		out += fmt.Sprintf(":%d", s.at)
	}
	return out
}

func parseStep(text string) (step, error) {
	words := strings.Split(text, ":")
	s := step{kind: words[0]}
	for _, w := range words[1:] {
		if n, err := strconv.Atoi(w); err == nil {
			s.at = n
		} else if w == "copy" {
			s.copy = true
		} else {
			s.how = w
		}
	}
	if s.String() != text {
		return s, fmt.Errorf("%q is no step; is it %q?", text, s)
	}
	return s, nil
}

func parsePlan(text string) ([]step, error) {
	var out []step
	for _, word := range strings.Fields(text) {
		s, err := parseStep(word)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

func planText(plan []step) string {
	var words []string
	for _, s := range plan {
		words = append(words, s.String())
	}
	return strings.Join(words, " ")
}

// draw makes a plan of up to n steps, each of which is possible after those before.
func draw(r *rand.Rand, n int) []step {
	plan := []step{{kind: stepLoad}}
	pending, away, off, copied := false, false, false, false
	for range n - 1 {
		last := plan[len(plan)-1].kind
		weights := map[string]int{stepLoad: 4, stepLost: 2}
		if last == stepLoad {
			weights[stepLoad] = 1
		}
		if last == stepLost {
			weights[stepLost] = 1
		}
		reachable := !away && !off
		if reachable {
			weights[stepCreate], weights[stepPrune], weights[stepSecond], weights[stepAway], weights[stepOff] = 2, 2, 2, 1, 1
		}
		switch {
		case pending:
			weights[stepUndo], weights[stepConfirm] = 4, 3
		case reachable:
			weights[stepTime], weights[stepSet], weights[stepLatest] = 5, 3, 3
		}
		if away {
			weights[stepBack] = 4
		}
		if off {
			weights[stepOn] = 4
		}
		s := step{kind: weighted(r, weights), at: r.IntN(100)}
		switch s.kind {
		case stepTime, stepSet, stepLatest:
			pending = true
		case stepUndo, stepConfirm:
			pending = false
		case stepCreate:
			s.how = []string{"", "load"}[r.IntN(2)]
		case stepPrune:
			s.how = []string{"", "short"}[r.IntN(2)]
		case stepLost:
			s.how = []string{stepLatest, stepLatest, stepLatest, stepTime, stepSet}[r.IntN(5)]
			s.copy = copied && r.IntN(2) == 0
			pending, away, off, copied = false, false, false, false
		case stepAway:
			away = true
		case stepBack:
			away = false
		case stepOff:
			off = true
		case stepOn:
			off = false
		case stepSecond:
			copied = true
		}
		plan = append(plan, s)
	}
	return plan
}

// weighted draws a key, the same one for the same numbers.
func weighted(r *rand.Rand, weights map[string]int) string {
	var keys []string
	for key, n := range weights {
		for range n {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys[r.IntN(len(keys))]
}
