// Package systemd embeds the unit files and their drop-ins, the one description of
// what runs.
package systemd

import "embed"

// Units holds every unit file and drop-in as the packages ship it.
//
//go:embed *.service *.timer *.socket *.target *.slice *.service.d *.socket.d *.timer.d
var Units embed.FS
