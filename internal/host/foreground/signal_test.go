package foreground_test

import (
	"os"
	"os/signal"
	"syscall"
)

func ignore(into chan os.Signal) { signal.Notify(into, syscall.SIGTERM, syscall.SIGINT) }
