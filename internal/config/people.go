package config

// Alert is who hears that something failed.
type Alert struct {
	MailTo  []string `mapstructure:"mail_to"` // addresses, each with or without a display name
	Webhook string   `mapstructure:"webhook"`
}

func alertSettings() []Setting {
	return []Setting{
		{Key: "alert.mail_to", Default: []string{}, Form: mailbox(), Split: mailboxes,
			Doc: "Addresses that hear of failed backups and other failed services, such as ops@example.org or \"Ops <ops@example.org>\". Needs mail.host. Empty: nobody."},
		{Key: "alert.webhook", Default: "", Form: webhookURL("https://alerts.example.org/bugspark"), Sensitive: true,
			Doc: "URL that gets every alert as a JSON document by POST. This file is readable by all: put a secret part into the credential webhook-token, and write {token} where it stands; without {token} it is sent as a bearer token. Empty: none."},
	}
}

// Mail is the customer's mail server. From is never empty after Load.
type Mail struct {
	Host     string `mapstructure:"host"`
	Port     int    `mapstructure:"port"`
	From     string `mapstructure:"from"` // an address with or without a display name
	Username string `mapstructure:"username"`
}

func mailSettings() []Setting {
	return []Setting{
		{Key: "mail.host", Default: "", Form: host(), Doc: "Your mail server. Empty: no mail is sent."},
		{Key: "mail.port", Default: 25, Min: 1, Max: 65535,
			Doc: "Port of the mail server. 465 is TLS from the start; on others STARTTLS is used when it is offered."},
		{Key: "mail.from", Default: "", Form: mailbox(),
			Doc: "Sender of our mail. Empty: bugspark@ followed by server.name."},
		{Key: "mail.username", Default: "",
			Doc: "Account at the mail server, with the password in the credential smtp-password, which is only sent over TLS. Empty: none."},
	}
}

// Accounts rules who may sign in. AdminEmail is never empty after Load.
type Accounts struct {
	AdminEmail  string `mapstructure:"admin_email"`
	SessionDays int    `mapstructure:"session_days"`
}

func accountsSettings() []Setting {
	return []Setting{
		{Key: "accounts.admin_email", Default: "", Form: loginAddress(),
			Doc: "Address of the first administrator. Empty: admin@ followed by server.name."},
		{Key: "accounts.session_days", Default: 30, Min: 1, Max: 365, Unit: "days",
			Doc: "Time after which an unused sign-in ends."},
	}
}

// Log is how much is written to the journal.
type Log struct {
	Level string `mapstructure:"level"`
}

func logSettings() []Setting {
	return []Setting{
		{Key: "log.level", Default: "info", Allowed: []string{"debug", "info", "warn", "error"},
			Doc: "How much the services write to the journal."},
	}
}
