package cleanup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bugspark/bugspark/internal/tracker/cleanup"
)

// list is an UnreferencedObjects in memory; its objects are due at a time.
type list struct {
	due       map[string]time.Time
	dueErr    error
	forgetErr error
	asked     []time.Time
}

func (l *list) DueObjects(_ context.Context, now time.Time, limit int) ([]string, error) {
	l.asked = append(l.asked, now)
	var keys []string
	for key, at := range l.due {
		if !at.After(now) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys[:min(limit, len(keys))], l.dueErr
}

func (l *list) ForgetObjects(_ context.Context, keys []string) error {
	if l.forgetErr != nil {
		return l.forgetErr
	}
	for _, key := range keys {
		delete(l.due, key)
	}
	return nil
}

// objects is an object store that cannot delete some of its objects.
type objects struct {
	broken  map[string]bool
	deleted []string
}

func (o *objects) Delete(_ context.Context, key string) error {
	if o.broken[key] {
		return errors.New("access denied")
	}
	o.deleted = append(o.deleted, key)
	return nil
}

func many(n int, at time.Time) map[string]time.Time {
	due := map[string]time.Time{}
	for i := range n {
		due[fmt.Sprintf("%04d", i)] = at
	}
	return due
}

func TestPass(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tc := range []struct {
		rule          string
		list          list
		broken        []string
		deleted, left int
		err           string
	}{
		{rule: "nothing is due", list: list{due: many(3, now.Add(time.Second))}, left: 3},
		{rule: "what is due is deleted", list: list{due: many(3, now)}, deleted: 3},
		{rule: "a pass takes several batches", list: list{due: many(401, now)}, deleted: 401},
		{rule: "a full last batch is no endless loop", list: list{due: many(400, now)}, deleted: 400},
		{rule: "an object that stays keeps no other of its batch", list: list{due: many(3, now)}, broken: []string{"0000"}, deleted: 2, left: 1, err: "deleting 0000: access denied"},
		{rule: "an object that stays ends the pass", list: list{due: many(401, now)}, broken: []string{"0001"}, deleted: 199, left: 202, err: "deleting 0001"},
		{rule: "a database that is away", list: list{dueErr: errors.New("no database")}, err: "no database"},
		{rule: "objects that cannot be forgotten are tried again later", list: list{due: many(500, now), forgetErr: errors.New("read only")}, deleted: 200, left: 500, err: "read only"},
		{rule: "both fail", list: list{due: many(2, now), forgetErr: errors.New("read only")}, broken: []string{"0001"}, deleted: 1, left: 2, err: "access denied"},
	} {
		o := &objects{broken: map[string]bool{}}
		for _, key := range tc.broken {
			o.broken[key] = true
		}
		c := cleanup.Cleaner{Unreferenced: &tc.list, Objects: o, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)}
		err := c.Pass(t.Context())
		if len(o.deleted) != tc.deleted || len(tc.list.due) != tc.left {
			t.Errorf("%s: %d deleted, %d left, want %d and %d", tc.rule, len(o.deleted), len(tc.list.due), tc.deleted, tc.left)
		}
		if (err == nil) != (tc.err == "") || (err != nil && !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: %v, want %q", tc.rule, err, tc.err)
		}
	}
}

func TestRunMakesAPassEveryTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		l := &list{due: map[string]time.Time{"now": began, "soon": began.Add(15 * time.Minute), "late": began.Add(time.Hour)}}
		o := &objects{broken: map[string]bool{"soon": true}}
		var log bytes.Buffer
		c := cleanup.Cleaner{Unreferenced: l, Objects: o, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { c.Run(ctx); close(ended) }()

		synctest.Wait()
		if !slices.Equal(o.deleted, []string{"now"}) || log.Len() > 0 {
			t.Errorf("at the start: %v, log %s", o.deleted, log.String())
		}
		time.Sleep(25 * time.Minute)
		synctest.Wait()
		if !slices.Equal(l.asked, []time.Time{began, began.Add(10 * time.Minute), began.Add(20 * time.Minute)}) {
			t.Errorf("passes at %v", l.asked)
		}
		if strings.Count(log.String(), "access denied") != 1 {
			t.Errorf("log: %s", log.String())
		}
		o.broken = nil
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if !slices.Equal(o.deleted, []string{"now", "soon"}) {
			t.Errorf("after the store recovered: %v", o.deleted)
		}
		cancel()
		<-ended
	})
}

func TestRunEndsQuietly(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := cleanup.Cleaner{Unreferenced: &list{dueErr: ctx.Err()}, Objects: &objects{}, Now: time.Now, Log: slog.New(slog.NewTextHandler(&log, nil))}
	c.Run(ctx)
	if log.Len() > 0 {
		t.Errorf("a service that stops complains: %s", log.String())
	}
}
