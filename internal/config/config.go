// Package config holds every setting of an installation: declared once, read
// from bugspark.yaml and BUGSPARK_* variables, and validated as a whole.
package config

// Config is a loaded and validated configuration. Packages receive the section
// they need, never the whole.
type Config struct {
	Server   Server   `mapstructure:"server"`
	TLS      TLS      `mapstructure:"tls"`
	Proxy    Proxy    `mapstructure:"proxy"`
	Database Database `mapstructure:"database"`
	Storage  Storage  `mapstructure:"storage"`
	Backup   Backup   `mapstructure:"backup"`
	Alert    Alert    `mapstructure:"alert"`
	Mail     Mail     `mapstructure:"mail"`
	Accounts Accounts `mapstructure:"accounts"`
	Limits   Limits   `mapstructure:"limits"`
	Log      Log      `mapstructure:"log"`
}

// Server is how the machine is reached. Name is never empty after Load.
type Server struct {
	Name      string `mapstructure:"name"`
	HTTPPort  int    `mapstructure:"http_port"`
	HTTPSPort int    `mapstructure:"https_port"`
}

// TLS is where the certificate comes from.
type TLS struct {
	Mode        string `mapstructure:"mode"` // internal, acme, files
	Certificate string `mapstructure:"certificate"`
	Key         string `mapstructure:"key"`
	ACME        ACME   `mapstructure:"acme"`
	HSTS        bool   `mapstructure:"hsts"`
}

// ACME is the certificate authority of TLS mode acme.
type ACME struct {
	Directory string `mapstructure:"directory"`
	Email     string `mapstructure:"email"`
	Root      string `mapstructure:"root"`
}

// Proxy is what the reverse proxy lets through.
type Proxy struct {
	Trusted        []string `mapstructure:"trusted"`
	BodyLimitMiB   int      `mapstructure:"body_limit_mib"`
	HeaderTimeoutS int      `mapstructure:"header_timeout_s"`
}

// Database is our PostgreSQL instance or the customer's.
type Database struct {
	Mode             string `mapstructure:"mode"` // managed, external
	SharedBuffersMiB int    `mapstructure:"shared_buffers_mib"`
	Pool             int    `mapstructure:"pool"`
}

// Storage is where pictures live.
type Storage struct {
	Engine      string `mapstructure:"engine"` // minio, s3, filesystem
	MinIOBinary string `mapstructure:"minio_binary"`
	Endpoint    string `mapstructure:"endpoint"`
	Bucket      string `mapstructure:"bucket"`
	Region      string `mapstructure:"region"`
}

// Accounts rules who may sign in. AdminEmail is never empty after Load.
type Accounts struct {
	AdminEmail  string `mapstructure:"admin_email"`
	SessionDays int    `mapstructure:"session_days"`
}

// Limits protect the server from its clients; rates are per minute, 0 is none.
type Limits struct {
	ReportBodyKiB     int `mapstructure:"report_body_kib"`
	PictureMiB        int `mapstructure:"picture_mib"`
	ReportsPerProject int `mapstructure:"reports_per_project"`
	ReportsPerAddress int `mapstructure:"reports_per_address"`
	LoginsPerAddress  int `mapstructure:"logins_per_address"`
}

// Backup is where sets are kept, how long, and when they are taken.
type Backup struct {
	BackupTarget  `mapstructure:",squash"`
	Copy          Copy   `mapstructure:"copy"`
	Schedule      string `mapstructure:"schedule"`
	DrillSchedule string `mapstructure:"drill_schedule"`
	WindowDays    int    `mapstructure:"window_days"`
	KeepDaily     int    `mapstructure:"keep_daily"`
	KeepWeekly    int    `mapstructure:"keep_weekly"`
	KeepMonthly   int    `mapstructure:"keep_monthly"`
	SpoolMiB      int    `mapstructure:"spool_mib"`
	Stream        bool   `mapstructure:"stream"`
}

// Streams tells whether WAL is received: always from our own PostgreSQL.
func (c Config) Streams() bool { return c.Database.Mode == "managed" || c.Backup.Stream }

// Copy is a second target.
type Copy struct {
	BackupTarget `mapstructure:",squash"`
	Schedule     string `mapstructure:"schedule"`
}

// Alert is who hears that something failed.
type Alert struct {
	MailTo  []string `mapstructure:"mail_to"`
	Webhook string   `mapstructure:"webhook"`
}

// Mail is the customer's mail server. From is never empty after Load.
type Mail struct {
	Host     string `mapstructure:"host"`
	Port     int    `mapstructure:"port"`
	From     string `mapstructure:"from"`
	Username string `mapstructure:"username"`
}

// Log is how much is written to the journal.
type Log struct {
	Level string `mapstructure:"level"`
}
