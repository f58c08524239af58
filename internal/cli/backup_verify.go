package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/backup/job"
)

func newBackupVerify(env Env) *cobra.Command {
	var o job.VerifyOptions
	c := &cobra.Command{
		Use:   "verify [SET]...",
		Short: "Read sets back and compare every byte with its hash",
		Long: `Verify looks for every piece that the sets need and reads them back, past any
cache. Without a set it verifies all of them. Exit status 1 means damage.`,
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
			return out.Err()
		},
	}
	c.Flags().BoolVar(&o.Scheduled, "scheduled", false, "read 5 percent, or everything when that was last done a week ago")
	fromCopy(c, &o.Copy)
	c.Flags().Float64Var(&o.Percent, "percent", 100, "share of the files to read whole; of the rest only the presence is proven")
	return c
}
