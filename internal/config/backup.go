package config

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

// Copy is a second target.
type Copy struct {
	BackupTarget `mapstructure:",squash"`
	Schedule     string `mapstructure:"schedule"`
}

func backupSettings() []Setting {
	return append(targetSettings("backup", "the target",
		"Where backups are kept: a directory, best a mount of another machine's, or s3://BUCKET/PREFIX, or sftp://USER@HOST/DIRECTORY. It must exist, but for /var/backups/bugspark, which setup makes and writes here where nothing is said. Empty: no backups."),
		Setting{Key: "backup.stream", Default: false, Applies: Condition{"database.mode", "external"},
			Doc: "Copy your server as a whole and receive its WAL as it is written, by the role of the credential replication-dsn. Off: logical copies of our tables, by the schedule."})
}

func copySettings() []Setting {
	return append(targetSettings("backup.copy", "the second target",
		"A second target, to which the first is copied, best in another building. Empty: none."),
		Setting{Key: "backup.copy.schedule", Default: "*:20", Form: calendar(),
			Doc: "When the second target is brought up to date."})
}

// targetSettings are those of one BackupTarget.
func targetSettings(section, name, doc string) []Setting {
	s3, sftp := Condition{section + ".target", "s3://"}, Condition{section + ".target", "sftp://"}
	return []Setting{
		{Key: section + ".target", Default: "", Form: backupTarget(), Doc: doc},
		{Key: section + ".endpoint", Default: "", Applies: s3, Required: true, Form: bareURL("https://s3.example.org"),
			Doc: "URL of the S3 service of " + name + "."},
		{Key: section + ".region", Default: "us-east-1", Applies: s3,
			Doc: "Region of the bucket of " + name + "."},
		{Key: section + ".lock_days", Default: 0, Max: 365, Unit: "days", Applies: s3,
			Doc: "How long no file of " + name + " can be deleted or replaced, by the bucket's object lock; files that stay needed are locked anew. 0: not at all. Fewer than 3 leave gaps."},
		{Key: section + ".host_key", Default: "", Applies: sftp, Form: publicKey(),
			Doc: "Public key of the SFTP server of " + name + ", as ssh-keyscan prints it behind the host's name."},
	}
}

func scheduleSettings() []Setting {
	return []Setting{
		{Key: "backup.schedule", Default: "*-*-* 02:15", Form: calendar(),
			Doc: "When a set is taken, as systemd's OnCalendar= (man systemd.time). Left as it is, every four hours of a database of yours without backup.stream."},
		{Key: "backup.drill_schedule", Default: "Sun *-*-* 03:45", Form: calendar(),
			Doc: "When the newest set is restored for proof."},
		{Key: "backup.window_days", Default: 7, Min: 1, Max: 365, Unit: "days",
			Doc: "The server can be restored to every moment of this time back from now."},
		{Key: "backup.keep_daily", Default: 7, Max: 366, Unit: "days",
			Doc: "The newest set of each of the last days is kept. The newest three sets stay whatever the three keep settings say."},
		{Key: "backup.keep_weekly", Default: 4, Max: 520, Unit: "weeks",
			Doc: "The newest set of each of the last weeks is kept."},
		{Key: "backup.keep_monthly", Default: 6, Max: 120, Unit: "months",
			Doc: "The newest set of each of the last months is kept."},
		{Key: "backup.spool_mib", Default: 4096, Min: 64, Max: 1 << 20, Unit: "MiB",
			Doc: "WAL that may wait on this machine while the target is away; never more than a third of what backups leave free: a tenth of the disk, 6.6 GiB at most."},
	}
}
