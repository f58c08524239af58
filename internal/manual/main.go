// Command manual writes what the packages ship as documentation: man pages,
// shell completions and the sample configuration, all from the program itself.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/bugspark/bugspark/internal/cli"
	"github.com/bugspark/bugspark/internal/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: manual DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "manual:", err)
		os.Exit(1)
	}
}

func write(dir string) error {
	date := time.Now()
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		date = time.Unix(epoch, 0).UTC()
	}
	for _, sub := range []string{"man", "completions"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	root := cli.New(cli.Env{Lookup: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	root.DisableAutoGenTag = true
	header := &doc.GenManHeader{Section: "1", Source: "BugSpark " + cli.Version, Manual: "BugSpark", Date: &date}
	if err := doc.GenManTree(root, header, filepath.Join(dir, "man")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "man", "bugspark.yaml.5"), settingsPage(date), 0o644); err != nil {
		return err
	}
	var sample bytes.Buffer
	if err := config.WriteSample(&sample); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bugspark.yaml.sample"), sample.Bytes(), 0o644); err != nil {
		return err
	}
	completions := filepath.Join(dir, "completions")
	if err := root.GenBashCompletionFileV2(filepath.Join(completions, "bugspark.bash"), true); err != nil {
		return err
	}
	if err := root.GenZshCompletionFile(filepath.Join(completions, "_bugspark")); err != nil {
		return err
	}
	return root.GenFishCompletionFile(filepath.Join(completions, "bugspark.fish"), true)
}
