// Package config holds every setting of an installation: declared once, read
// from bugspark.yaml and BUGSPARK_* variables, and validated as a whole. The
// fields of a section stand in one file with their declarations.
package config

// Config is a loaded and validated configuration.
type Config struct {
	Server   Server   `mapstructure:"server"`
	TLS      TLS      `mapstructure:"tls"`
	Proxy    Proxy    `mapstructure:"proxy"`
	Database Database `mapstructure:"database"`
	Storage  Storage  `mapstructure:"storage"`
	Backup   Backup   `mapstructure:"backup"`
	Alert    Alert    `mapstructure:"alert"`
	Mail     Mail     `mapstructure:"mail"`
	Outbound Outbound `mapstructure:"outbound"`
	Accounts Accounts `mapstructure:"accounts"`
	Limits   Limits   `mapstructure:"limits"`
	Log      Log      `mapstructure:"log"`
}

// Streams tells whether WAL is received: always from our own PostgreSQL.
func (c Config) Streams() bool { return c.Database.Mode == "managed" || c.Backup.Stream }
