package config

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/bugspark/bugspark/internal/fault"
)

// validate checks every value and the rules between settings, and names all
// problems at once.
func (c Config) validate(name string) error {
	var bad []string
	add := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }

	for key, value := range map[string]string{
		"tls.mode": c.TLS.Mode, "database.mode": c.Database.Mode,
		"storage.engine": c.Storage.Engine, "log.level": c.Log.Level,
	} {
		s, _ := declared(key)
		if !slices.Contains(s.Allowed, value) {
			add("%s must be one of %s, not %q", key, strings.Join(s.Allowed, ", "), value)
		}
	}
	if strings.ContainsAny(c.Server.Name, "/: \t") || len(c.Server.Name) > 253 {
		add("server.name must be a bare DNS name or address, not %q", c.Server.Name)
	}
	for key, n := range map[string][3]int{
		"server.http_port":            {c.Server.HTTPPort, 1, 65535},
		"server.https_port":           {c.Server.HTTPSPort, 1, 65535},
		"proxy.body_limit_mib":        {c.Proxy.BodyLimitMiB, 1, 1024},
		"proxy.header_timeout_s":      {c.Proxy.HeaderTimeoutS, 1, 300},
		"database.shared_buffers_mib": {c.Database.SharedBuffersMiB, 0, 1 << 20},
		"database.pool":               {c.Database.Pool, 2, 500},
		"accounts.session_days":       {c.Accounts.SessionDays, 1, 365},
		"limits.report_body_kib":      {c.Limits.ReportBodyKiB, 16, 65536},
		"limits.picture_mib":          {c.Limits.PictureMiB, 1, 100},
		"limits.reports_per_project":  {c.Limits.ReportsPerProject, 0, 1 << 30},
		"limits.reports_per_address":  {c.Limits.ReportsPerAddress, 0, 1 << 30},
		"limits.logins_per_address":   {c.Limits.LoginsPerAddress, 0, 1 << 30},
		"backup.window_days":          {c.Backup.WindowDays, 1, 365},
		"backup.keep_daily":           {c.Backup.KeepDaily, 0, 366},
		"backup.keep_weekly":          {c.Backup.KeepWeekly, 0, 520},
		"backup.keep_monthly":         {c.Backup.KeepMonthly, 0, 120},
		"backup.spool_mib":            {c.Backup.SpoolMiB, 64, 1 << 20},
		"mail.port":                   {c.Mail.Port, 1, 65535},
	} {
		if n[0] < n[1] || n[0] > n[2] {
			add("%s must be between %d and %d, not %d", key, n[1], n[2], n[0])
		}
	}
	if c.Server.HTTPPort == c.Server.HTTPSPort {
		add("server.http_port and server.https_port must differ (both are %d)", c.Server.HTTPPort)
	}
	if c.TLS.Mode == "files" && (c.TLS.Certificate == "" || c.TLS.Key == "") {
		add("tls.mode files needs tls.certificate and tls.key")
	}
	if c.TLS.Mode == "acme" && !httpsURL(c.TLS.ACME.Directory) {
		add("tls.mode acme needs tls.acme.directory, an https URL")
	}
	if c.Storage.Engine == "s3" {
		if u, err := url.Parse(c.Storage.Endpoint); err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
			add("storage.engine s3 needs storage.endpoint, a URL such as https://s3.example.org")
		}
	}
	if len(c.Storage.Bucket) < 3 || len(c.Storage.Bucket) > 63 || strings.ToLower(c.Storage.Bucket) != c.Storage.Bucket {
		add("storage.bucket must be 3 to 63 lower-case characters, not %q", c.Storage.Bucket)
	}
	if !strings.Contains(c.Accounts.AdminEmail, "@") {
		add("accounts.admin_email must be an e-mail address, not %q", c.Accounts.AdminEmail)
	}
	c.validateBackup(add)
	for _, network := range c.Proxy.Trusted {
		if _, err := netip.ParsePrefix(network); err != nil {
			add("proxy.trusted: %q is not a network such as 10.0.0.0/8", network)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	slices.Sort(bad)
	return fault.New(fault.Usage, "edit "+name+", then run the command again", "%s: %s", name, strings.Join(bad, "; "))
}

func (c Config) validateBackup(add func(string, ...any)) {
	validateBackupTarget("backup", c.Backup.BackupTarget, add)
	validateBackupTarget("backup.copy", c.Backup.Copy.BackupTarget, add)
	if c.Backup.Copy.Target != "" && (c.Backup.Target == "" || c.Backup.Copy.Target == c.Backup.Target) {
		add("backup.copy.target must be another target than backup.target, which must be set")
	}
	if c.Backup.Stream && c.Database.Mode == "managed" {
		add("backup.stream is for database.mode external; of our own PostgreSQL the WAL is received in any case")
	}
	for key, value := range map[string]string{"backup.schedule": c.Backup.Schedule, "backup.drill_schedule": c.Backup.DrillSchedule, "backup.copy.schedule": c.Backup.Copy.Schedule} {
		if value == "" || strings.ContainsAny(value, "\n%") {
			add("%s must be a calendar expression such as *-*-* 02:15, not %q", key, value)
		}
	}
	if u, err := url.Parse(c.Alert.Webhook); c.Alert.Webhook != "" && (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) {
		add("alert.webhook must be a URL such as https://alerts.example.org/bugspark, not %q", c.Alert.Webhook)
	}
	if len(c.Alert.MailTo) > 0 && c.Mail.Host == "" {
		add("alert.mail_to needs mail.host, your mail server")
	}
	for _, address := range append([]string{c.Mail.From}, c.Alert.MailTo...) {
		if _, err := mail.ParseAddress(address); err != nil {
			add("%q is no e-mail address", address)
		}
	}
}

func httpsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// PublicURL is the address browsers use, without a trailing slash.
func (s Server) PublicURL() string {
	if s.HTTPSPort == 443 {
		return "https://" + s.Name
	}
	return fmt.Sprintf("https://%s:%d", s.Name, s.HTTPSPort)
}
