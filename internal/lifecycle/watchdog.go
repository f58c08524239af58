package lifecycle

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Notify sends one state to the service manager; without one it does nothing.
func Notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notifying the service manager: %w", err)
	}
	return nil
}

// Watchdog feeds systemd's watchdog at a third of its period for as long as
// check passes, until ctx ends. A nil check always passes. Without WatchdogSec= it
// returns at once.
func Watchdog(ctx context.Context, check func(context.Context) error, log *slog.Logger) {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil || period == 0 {
		return
	}
	tick := time.NewTicker(period / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if check != nil {
			try, cancel := context.WithTimeout(ctx, period/3)
			err := check(try)
			cancel()
			if err != nil {
				log.Warn("the watchdog is not fed: a dependency does not answer", "error", err)
				continue
			}
		}
		if err := Notify(daemon.SdNotifyWatchdog); err != nil {
			log.Warn("feeding the watchdog", "error", err)
		}
	}
}
