// Package systemd embeds the unit files, the one description of what runs.
package systemd

import "embed"

// Units holds every unit file as the packages ship it.
//
//go:embed *.service *.timer *.path *.socket *.target *.slice
var Units embed.FS
