package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/fault"
)

// groupAnnotation marks commands that only hold others.
const groupAnnotation = "group"

// refuseWrongUsage makes every command of the tree end with the status of wrong
// usage where cobra would print help and report success: a script takes a status
// of 0 for work that was done.
//
// A group without a subcommand is wrong usage as well, as it is for git and go;
// docker and kubectl report success, and a script that lost its verb passes.
func refuseWrongUsage(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}",
		`{{if and .Runnable (not (index .Annotations "`+groupAnnotation+`"))}}`, 1))
	eachCommand(root, func(c *cobra.Command) {
		if c.HasSubCommands() {
			c.SuggestionsMinimumDistance = 2
		}
		switch {
		case c.Name() == "help" && c.Parent() == root:
			c.Args, c.Run, c.RunE = cobra.ArbitraryArgs, nil, showHelp
		case !c.Runnable():
			c.Annotations = map[string]string{groupAnnotation: "true"}
			c.Args, c.RunE = cobra.ArbitraryArgs, refuseGroup
			// Flags behind an unknown command are that command's, not the group's.
			c.Flags().SetInterspersed(false)
		case c.Args != nil:
			c.Args = countArguments(c.Args)
			if c.HasSubCommands() {
				c.Flags().SetInterspersed(false)
			}
		}
	})
}

func eachCommand(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, visit)
	}
}

// showHelp replaces cobra's help command, which reports success for a topic that
// does not exist.
func showHelp(c *cobra.Command, args []string) error {
	topic, rest, err := c.Root().Find(args)
	if err != nil {
		return unknownCommand(c.Root(), args[0])
	}
	if len(rest) > 0 {
		return unknownCommand(topic, rest[0])
	}
	topic.InitDefaultHelpFlag()
	topic.InitDefaultVersionFlag()
	return topic.Help()
}

func refuseGroup(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	c.SetOut(c.ErrOrStderr())
	if err := c.Help(); err != nil {
		return err
	}
	return fault.New(fault.Usage, c.CommandPath()+" COMMAND --help", "%q needs one of its commands", c.CommandPath())
}

// unknownCommand names what was typed and what it resembles.
func unknownCommand(group *cobra.Command, typed string) error {
	var similar []string
	if typed != "" { // every name begins with nothing
		similar = group.SuggestionsFor(typed)
	}
	slices.Sort(similar)
	similar = slices.Compact(similar)
	path := group.CommandPath()
	switch len(similar) {
	case 0:
		return fault.New(fault.Usage, path+" --help", "unknown command %q for %q", typed, path)
	case 1:
		return fault.New(fault.Usage, path+" "+similar[0], "unknown command %q for %q; did you mean %q?", typed, path, similar[0])
	default:
		return fault.New(fault.Usage, path+" --help", "unknown command %q for %q; did you mean one of %s?", typed, path, strings.Join(similar, ", "))
	}
}

// countArguments gives the errors of cobra's argument checks their exit status
// and says what the command takes.
func countArguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if check(c, args) == nil {
			return nil
		}
		hint := c.CommandPath() + " --help"
		switch {
		case c.HasSubCommands() && len(args) > 0:
			return unknownCommand(c, args[0])
		case check(c, nil) == nil && check(c, args[:1]) == nil: // as many as it takes, and one more
			return fault.New(fault.Usage, hint, "unexpected argument %q: the command is %q", args[1], c.Parent().CommandPath()+" "+c.Use)
		case check(c, nil) == nil:
			return fault.New(fault.Usage, hint, "unexpected argument %q: %q takes none", args[0], c.CommandPath())
		default:
			return fault.New(fault.Usage, hint, "wrong number of arguments: the command is %q, and %s", c.Parent().CommandPath()+" "+c.Use, given(len(args)))
		}
	}
}

func given(n int) string {
	if n == 1 {
		return "1 was given"
	}
	return fmt.Sprintf("%d were given", n)
}
