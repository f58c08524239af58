package cli

import (
	"github.com/bugspark/bugspark/internal/tracker/httpapi"
	"github.com/bugspark/bugspark/internal/tracker/postgres"
)

// The two rooms do not know each other; here they meet.
var _ httpapi.Store = (*postgres.Store)(nil)
