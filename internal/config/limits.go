package config

// Limits protect the server from its clients. Rates are per minute; 0 means
// no limit.
type Limits struct {
	ReportBodyKiB     int `mapstructure:"report_body_kib"`
	PictureMiB        int `mapstructure:"picture_mib"`
	ReportsPerProject int `mapstructure:"reports_per_project"`
	ReportsPerAddress int `mapstructure:"reports_per_address"`
	LoginsPerAddress  int `mapstructure:"logins_per_address"`

	PictureMiBPerAddress int `mapstructure:"picture_mib_per_address"`
	UnnamedMiB           int `mapstructure:"unnamed_mib"`
	FreeSpaceMiB         int `mapstructure:"free_space_mib"`
}

// maxRate is the largest rate; nobody needs a larger one.
const maxRate = 1 << 30

func limitsSettings() []Setting {
	return []Setting{
		{Key: "limits.report_body_kib", Default: 4096, Min: 16, Max: 65536, Unit: "KiB",
			Doc: "Largest report, without pictures."},
		{Key: "limits.picture_mib", Default: 10, Min: 1, Max: 100, Unit: "MiB",
			Doc: "Largest picture."},
		{Key: "limits.reports_per_project", Default: 300, Max: maxRate, Unit: "per minute",
			Doc: "Reports that a project takes. 0: no limit."},
		{Key: "limits.reports_per_address", Default: 20, Max: maxRate, Unit: "per minute",
			Doc: "Reports that one client address may send. 0: no limit."},
		{Key: "limits.logins_per_address", Default: 10, Max: maxRate, Unit: "per minute",
			Doc: "Wrong passwords that one client address may send for one account, and five times as many for all accounts; right ones do not count. 0: no limit."},
		{Key: "limits.picture_mib_per_address", Default: 100, Max: 1 << 20, Unit: "MiB per minute",
			Doc: "Pictures that one client address may send to one project. Raise it where many people send reports through one address. 0: no limit."},
		{Key: "limits.unnamed_mib", Default: 1024, Max: 1 << 20, Unit: "MiB",
			Doc: "Pictures of one project that no report names. They are deleted after a day; until then no more are taken, and reports come without pictures. 0: no limit."},
		{Key: "limits.free_space_mib", Default: 512, Max: 1 << 20, Unit: "MiB",
			Doc: "While less than this is free on a disk of the database or the pictures, reports and pictures are refused and everything else goes on. Backups give way before that. 0: never."},
	}
}
