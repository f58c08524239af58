package restore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/exchange"
)

func TestHowARestoreEnds(t *testing.T) {
	first, other := exchange.Record{What: "set A"}, exchange.Record{What: "set B"}
	no := errors.New("no")
	for _, c := range []struct {
		rule          string
		before, after *exchange.Record // what is pending before the lock, and under it
		ask           func(exchange.Record) error
		acts          bool
		says          string
	}{
		{"it is the restore that was asked about", &first, &first, func(exchange.Record) error { return nil }, true, ""},
		{"somebody says no", &first, &first, func(exchange.Record) error { return no }, false, "no"},
		{"nothing waits, so nobody is asked", nil, nil, func(exchange.Record) error { return errors.New("asked") }, false, "no restore waits"},
		{"another restore came while somebody thought", &first, &other, func(exchange.Record) error { return nil }, false, "nothing was changed"},
		{"it ended while somebody thought", &first, nil, func(exchange.Record) error { return nil }, false, "nothing was changed"},
		{"a restore was made while nothing waited yet", nil, &first, func(exchange.Record) error { return errors.New("asked") }, false, "nothing was changed"},
		{"without a question it waits for a restore that is being made", nil, &first, nil, true, ""},
		{"without a question, and nothing waits", nil, nil, nil, false, "no restore waits"},
	} {
		at, locked, acted, cleared := c.before, false, false, false
		_, err := end(t.Context(), End{
			Ask: c.ask,
			Lock: func(context.Context) (func(), error) {
				at, locked = c.after, true
				return func() { locked = false }, nil
			},
			Act: func(context.Context) error {
				acted = locked
				return nil
			},
		}, func(context.Context) (exchange.Record, bool, error) {
			if at == nil {
				return exchange.Record{}, false, nil
			}
			return *at, true, nil
		}, func(context.Context) error {
			cleared = locked
			return nil
		})
		if acted != c.acts || c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) || locked || cleared != (c.before == nil && c.after == nil) {
			t.Errorf("%s: acted %v, cleared %v, %v, still locked %v", c.rule, acted, cleared, err, locked)
		}
	}
	_, err := end(t.Context(), End{Lock: func(context.Context) (func(), error) { return nil, no }}, func(context.Context) (exchange.Record, bool, error) { return first, true, nil }, nil)
	if !errors.Is(err, no) || fault.Status(err) != int(fault.Failed) {
		t.Errorf("without the lock: %v", err)
	}
}

func TestConfirmLetsPicturesBeDeletedAgain(t *testing.T) {
	no, away := errors.New("not removed"), errors.New("away")
	for _, c := range []struct {
		rule         string
		give, unmark error
		did          string
		says         string
	}{
		{"a customer's database tells by the mark what is given up, so it goes last", nil, nil, "give up, unmark", ""},
		{"a database that is away keeps nobody from the room", nil, away, "give up, unmark", "no pictures are deleted"},
		{"what is still kept stays marked", no, nil, "give up", "not removed"},
	} {
		var did []string
		err := confirm(t.Context(), func(context.Context) error {
			did = append(did, "give up")
			return c.give
		}, func(context.Context) error {
			did = append(did, "unmark")
			return c.unmark
		})
		if strings.Join(did, ", ") != c.did || c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, %v", c.rule, did, err)
		}
	}
}
