// Command bugspark-license is the vendor's tool: it makes keys, issues licences, looks into
// them and revokes them. No package of customers holds it.
package main

import (
	"os"
	"time"

	"github.com/bugspark/bugspark/internal/license/command"
)

func main() {
	os.Exit(command.Run(command.Env{Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Now: time.Now, Ask: command.AskTerminal}))
}
