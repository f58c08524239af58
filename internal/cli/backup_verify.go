package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
)

func newBackupVerify(env Env) *cobra.Command {
	var o job.VerifyOptions
	c := &cobra.Command{
		Use:   "verify [SET]...",
		Short: "Read sets and archive back and compare every byte with its hash",
		Long: `Verify looks for every piece that the sets need and reads them back, past any
cache. Without a set it verifies all of them and the archive: that no WAL is missing
between the sets and now, that every file of it is what its name says, and that the
target is not an older state of itself: that it has every set which this machine saved
there and has not let go, and that RESTORE.txt and the programs beside it are those of
this version. Exit status 1 means damage.`,
		Example: "  bugspark backup verify\n  bugspark backup verify --percent 5",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := openJobs(env)
			if err != nil {
				return err
			}
			o.Sets = args
			out, err := j.Verify(cmd.Context(), o)
			for _, v := range out.Verdicts {
				if len(v.Damages) == 0 {
					fmt.Fprintf(env.Stdout, "%s is good: %d entries, %s read\n", v.ID, v.Files, size(v.Bytes))
				} else {
					fmt.Fprintf(env.Stdout, "%s is DAMAGED:\n  %s\n", v.ID, strings.Join(v.Damages, "\n  "))
				}
			}
			if err != nil {
				return err
			}
			printInspection(env, len(args) == 0, out)
			return out.Err()
		},
	}
	c.Flags().BoolVar(&o.Scheduled, "scheduled", false, "read 5 percent, or everything when that was last done a week ago")
	fromCopy(c, &o.Copy)
	c.Flags().Float64Var(&o.Percent, "percent", 100, "share of the files to read whole; of the rest only the presence is proven")
	return c
}

// printInspection tells of the archive, which is verified with all sets.
func printInspection(env Env, all bool, v job.Verified) {
	for _, s := range v.Missing {
		fmt.Fprintf(env.Stdout, "%s of %s is MISSING\n", s.ID, s.At.Local().Format(time.DateTime))
	}
	for _, changed := range v.Rescue {
		fmt.Fprintf(env.Stdout, "%s\n", changed)
	}
	switch damages := v.Archive.Damages; {
	case !all:
	case len(damages) == 0:
		fmt.Fprintf(env.Stdout, "The archive is whole: %d files, %s read\n", v.Archive.Files, size(v.Archive.Bytes))
	default:
		fmt.Fprintf(env.Stdout, "The archive is DAMAGED:\n  %s\n", strings.Join(damages, "\n  "))
	}
	if n := v.Archive.Retired; all && n > 0 {
		fmt.Fprintf(env.Stdout, "%d of the files are of a retired key: they are not believed, and go by their age\n", n)
	}
}
