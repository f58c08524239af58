package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes docs/configuration.md: every setting and every secret.
// readers lists the services that are handed a secret, and their accounts.
func WriteReference(w io.Writer, readers func(credential string) []string) error {
	var b strings.Builder
	b.WriteString(`# Configuration

Everything is set in ` + "`/etc/bugspark/bugspark.yaml`" + `, which holds only what differs from the defaults below. After an edit,
` + "`bugspark plan`" + ` shows what would change and ` + "`bugspark apply`" + ` does it. ` + "`bugspark config check`" + ` checks the file alone,
` + "`bugspark config show`" + ` prints every value as the file stands and where it comes from;
what is in force is ` + "`/var/lib/bugspark/applied.yaml`" + `.
For ` + "`bugspark up`" + ` an environment variable overrides a setting: ` + "`server.name`" + ` is ` + "`BUGSPARK_SERVER_NAME`" + `; elements of lists are
separated by commas. The services of an installed machine get none, so ` + "`setup`, `plan` and `apply`" + ` refuse while one is set.
An unknown key or a value of the wrong type is an error that names the line.

This page is generated from the program (` + "`bugspark config reference`" + `).

## Settings

| setting | default | accepts | what it is for |
| --- | --- | --- | --- |
`)
	for _, s := range Settings() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Key, literal(s.Default), cell(s.Accepts()), cell(strings.TrimSpace(s.Doc+" "+s.OnlyWith())))
	}
	b.WriteString(`
## Secrets

Secrets are files in ` + "`/etc/bugspark/credentials/`" + ` (root, mode 0600). systemd hands each service only those it needs
(` + "`LoadCredential=`" + `); none is ever on a command line, in a unit file or in the environment. ` + "`setup`" + ` makes all of them;
the ones your site does not use are empty. To replace one, write the file and run ` + "`bugspark apply`" + `.
Which service gets which, and as which account it runs, is read from the units.

| file | what it is for | handed to |
| --- | --- | --- |
`)
	for _, c := range Credentials() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, cell(c.Doc), cell(strings.Join(readers(c.Name), ", ")))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell keeps a text inside its cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", "\\|", "<", "&lt;", "*", "\\*").Replace(text)
}
