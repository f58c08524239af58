package config

// Limits protect the server from its clients. The three rates are per minute; 0
// means no limit.
type Limits struct {
	ReportBodyKiB     int `mapstructure:"report_body_kib"`
	PictureMiB        int `mapstructure:"picture_mib"`
	ReportsPerProject int `mapstructure:"reports_per_project"`
	ReportsPerAddress int `mapstructure:"reports_per_address"`
	LoginsPerAddress  int `mapstructure:"logins_per_address"`
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
			Doc: "Sign-in attempts that one client address may make. 0: no limit."},
	}
}
