package httpapi

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// attempts bounds the guessing of passwords. A stranger must not be able to keep
// somebody out of their own account, so failures count for an account and a network
// together:
//
//   - A network that failed too often with one account, or with all accounts together,
//     waits. Right passwords do not count, so that many people behind one address can
//     sign in at once.
//   - An account that many networks failed with is guarded for a while: networks that
//     it was not signed in from may each try once a minute, one attempt at a time per
//     network and one every two seconds in all. That is slow, and it is a queue rather
//     than a refusal: the owner's right password from a new place passes when its turn
//     comes. Networks that the account was signed in from do not notice.
type attempts struct {
	now     func() time.Time
	pairs   *limiter // failures of one network with one account
	network *limiter // failures of one network with any account
	account *limiter // failures of all unfamiliar networks with one account
	guarded *limiter // attempts of one unfamiliar network with a guarded account

	mu    sync.Mutex
	turns map[string]time.Time // of guarded accounts: when the next attempt may begin
}

const (
	// networkAccounts is how many times the failures with one account a network may
	// have with all accounts: behind one address there are many people who mistype.
	networkAccounts = 5
	// guardAfter is how many failures of unfamiliar networks, as a rate per minute and
	// as a burst, guard an account.
	guardAfter = 10
	// turn is the time between two attempts at a guarded account.
	turn = 2 * time.Second
	// longestQueue is how long an attempt at a guarded account waits at most.
	longestQueue = 30 * time.Second
)

func newAttempts(perMinute int, now func() time.Time) *attempts {
	guard := 0
	guarded := 0
	if perMinute > 0 {
		guard, guarded = guardAfter, 1
	}
	return &attempts{
		now: now, pairs: newLimiter(perMinute, now), network: newLimiter(networkAccounts*perMinute, now),
		account: newLimiter(guard, now), guarded: newLimiter(guarded, now), turns: map[string]time.Time{},
	}
}

// attempt is one try at a password. It counts as failed until succeeded is called.
type attempt struct {
	of               *attempts
	account, network string
	guarding         bool
	// wait is how long the attempt must wait before the password is looked at.
	wait time.Duration
}

// begin counts an attempt as failed, or returns when to try again. familiar is asked
// only when the account is guarded.
func (a *attempts) begin(account, network string, familiar func() (bool, error)) (attempt, error) {
	try := attempt{of: a, account: account, network: network}
	if err := a.network.take(network, site(network)); err != nil {
		return try, err
	}
	if err := a.pairs.take(account+" "+network, site(network)); err != nil {
		a.network.refund(network)
		return try, err
	}
	if !a.account.exhausted(account) {
		return try, nil
	}
	known, err := familiar()
	if err != nil || known {
		return try, err
	}
	if err := a.guarded.take(account+" "+site(network), site(network)); err != nil {
		return try, err
	}
	try.guarding = true
	try.wait, err = a.queue(account)
	return try, err
}

// queue takes the account's next turn.
func (a *attempts) queue(account string) (time.Duration, error) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, at := range a.turns {
		if at.Before(now) {
			delete(a.turns, name)
		}
	}
	at := a.turns[account]
	if at.Before(now) {
		at = now
	}
	if at.Sub(now) > longestQueue {
		return 0, tooMany{longestQueue}
	}
	a.turns[account] = at.Add(turn)
	return at.Sub(now), nil
}

// pause waits for the attempt's turn.
func (t attempt) pause(ctx context.Context) error {
	if t.wait <= 0 {
		return nil
	}
	timer := time.NewTimer(t.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// succeeded takes the attempt out of the counts: the password was right.
func (t attempt) succeeded() {
	t.of.network.refund(t.network)
	t.of.pairs.refund(t.account + " " + t.network)
	if t.guarding {
		t.of.guarded.refund(t.account + " " + site(t.network))
	}
}

// failed counts against the account, when the network is none that it is used from.
func (t attempt) failed(familiar bool) {
	if !familiar {
		_ = t.of.account.take(t.account, site(t.network)) // an error means that it is guarded already
	}
}

// site is what one stranger may have many networks of: the /48 of an IPv6 network.
func site(network string) string {
	prefix, err := netip.ParsePrefix(network)
	if err != nil {
		return network
	}
	wide, err := prefix.Addr().Prefix(48)
	if err != nil {
		return network
	}
	return wide.String()
}
