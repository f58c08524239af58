package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/bugspark/bugspark/internal/cli"
	"github.com/bugspark/bugspark/internal/config"
)

// settingsPage is bugspark.yaml(5).
func settingsPage(date time.Time) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"BUGSPARK.YAML\" \"5\" \"%s\" \"BugSpark %s\" \"BugSpark\"\n", date.Format("Jan 2006"), roff(cli.Version))
	b.WriteString(`.SH NAME
bugspark.yaml \- configuration of a BugSpark server
.SH SYNOPSIS
.B /etc/bugspark/bugspark.yaml
.SH DESCRIPTION
The file holds only what differs from the defaults below. After an edit,
.B bugspark plan
shows what would change and
.B bugspark apply
does it. For
.B bugspark up
an environment variable overrides a setting:
.I server.name
is
.IR BUGSPARK_SERVER_NAME .
The services of an installed machine get none, so setup, plan and apply refuse while one is set.
An unknown key or a value of the wrong type is an error.
.SH SETTINGS
`)
	for _, s := range config.Settings() {
		fmt.Fprintf(&b, ".TP\n.BR \"%s\" \" (default: %s)\"\n%s\n", roff(s.Key), roff(strings.ReplaceAll(fmt.Sprint(s.Default), "\"", "")), roff(s.Doc))
		if accepts := s.Accepts(); accepts != "" {
			fmt.Fprintf(&b, "Accepts %s.\n", roff(accepts))
		}
		if with := s.OnlyWith(); with != "" {
			fmt.Fprintf(&b, "%s\n", roff(with))
		}
		fmt.Fprintf(&b, "Variable:\n.IR %s .\n", roff(config.EnvName(s.Key)))
	}
	b.WriteString(".SH SECRETS\nFiles in\n.I /etc/bugspark/credentials/\n(root, mode 0600), handed to services by systemd.\n")
	for _, c := range config.Credentials() {
		fmt.Fprintf(&b, ".TP\n.B \"%s\"\n%s\n", roff(c.Name), roff(c.Doc))
	}
	b.WriteString(".SH SEE ALSO\n.BR bugspark (1)\n")
	return []byte(b.String())
}

// roff escapes what the typesetter would take for itself.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
