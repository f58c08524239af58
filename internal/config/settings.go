package config

// Setting declares one setting once. The configuration file, the environment
// names, the sample file, the documentation and the redacted dump all derive
// from this list.
type Setting struct {
	Key     string   // dotted name in bugspark.yaml
	Default any      // string, int, bool or []string; its type is the setting's type
	Allowed []string // the only values accepted, when not empty
	Doc     string   // what it is for, for an administrator
}

// Settings is every setting that bugspark.yaml accepts, in the order of the
// sample file. Secrets are not settings: see Credentials.
func Settings() []Setting {
	return []Setting{
		{"server.name", "", nil, "DNS name under which browsers reach this server. Empty: the machine's host name."},
		{"server.http_port", 80, nil, "TCP port that redirects to HTTPS and answers ACME challenges."},
		{"server.https_port", 443, nil, "TCP port that serves everything."},

		{"tls.mode", "internal", []string{"internal", "acme", "files"}, "Where the certificate comes from: our own internal CA, an ACME server, or files of yours."},
		{"tls.certificate", "", nil, "mode files: PEM file with the certificate and its chain. Watched; a valid new one is taken up without a restart."},
		{"tls.key", "", nil, "mode files: PEM file with the private key, readable by group bugspark-proxy only."},
		{"tls.acme.directory", "", nil, "mode acme: directory URL of the ACME server."},
		{"tls.acme.email", "", nil, "mode acme: contact address of the account. Optional."},
		{"tls.acme.root", "", nil, "mode acme: PEM file of the CA that signed the ACME server's own certificate. Empty: the system's roots."},
		{"tls.hsts", false, nil, "Send Strict-Transport-Security. Turn on once every name works over HTTPS for good."},

		{"proxy.trusted", []string{}, nil, "Networks (CIDR) of proxies in front of this server whose X-Forwarded-For is believed."},
		{"proxy.body_limit_mib", 12, nil, "Largest request body the proxy lets through, in MiB."},
		{"proxy.header_timeout_s", 10, nil, "Seconds a client may take to send its request headers."},

		{"database.mode", "managed", []string{"managed", "external"}, "managed: our own PostgreSQL instance. external: yours, by the DSN in the credential database-dsn."},
		{"database.shared_buffers_mib", 0, nil, "PostgreSQL's shared_buffers in MiB. 0: a quarter of memory, 64 at least, 4096 at most."},
		{"database.pool", 16, nil, "Connections the API keeps to PostgreSQL."},

		{"storage.engine", "minio", []string{"minio", "s3", "filesystem"}, "Where pictures live: our MinIO, an S3 service of yours, or a directory (evaluation only)."},
		{"storage.minio_binary", "", nil, "Path of another MinIO server binary. Empty: the packaged one."},
		{"storage.endpoint", "", nil, "engine s3: URL of the service, such as https://s3.example.org."},
		{"storage.bucket", "bugspark", nil, "Bucket that holds the pictures."},
		{"storage.region", "us-east-1", nil, "engine s3: region of the bucket."},

		{"backup.target", "", nil, "Where backups are kept: a directory, best a mount of another machine's, or s3://BUCKET/PREFIX, or sftp://USER@HOST/DIRECTORY. It must exist. Empty: no backups."},
		{"backup.endpoint", "", nil, "target s3: URL of the service, such as https://s3.example.org."},
		{"backup.region", "us-east-1", nil, "target s3: region of the bucket."},
		{"backup.host_key", "", nil, "target sftp: the server's public key, such as ssh-ed25519 AAAA..., as ssh-keyscan prints it behind the name."},
		{"backup.stream", false, nil, "database.mode external: copy your server as a whole and receive its WAL as it is written, by the role of the credential replication-dsn. Off: logical copies of our tables, by the schedule."},
		{"backup.copy.target", "", nil, "A second target, to which the first is copied, best in another building. Empty: none."},
		{"backup.copy.endpoint", "", nil, "Its S3 service,"},
		{"backup.copy.region", "us-east-1", nil, "its region,"},
		{"backup.copy.host_key", "", nil, "or its SFTP server's public key."},
		{"backup.copy.schedule", "*:20", nil, "When it is brought up to date."},
		{"backup.schedule", "*-*-* 02:15", nil, "When a set is taken, as systemd's OnCalendar= (man systemd.time). Left as it is, every four hours of a database of yours without backup.stream."},
		{"backup.drill_schedule", "Sun *-*-* 03:45", nil, "When the newest set is restored for proof."},
		{"backup.window_days", 7, nil, "Days back to every moment of which the server can be restored."},
		{"backup.keep_daily", 7, nil, "Sets to keep: the newest of each of so many days,"},
		{"backup.keep_weekly", 4, nil, "of so many weeks,"},
		{"backup.keep_monthly", 6, nil, "and of so many months. The newest three stay whatever these say."},
		{"backup.spool_mib", 4096, nil, "WAL that may wait on this machine while the target is away, in MiB."},

		{"alert.mail_to", []string{}, nil, "Addresses that hear of failed backups and other failed services. Empty: nobody."},
		{"alert.webhook", "", nil, "URL that gets every alert as a JSON document by POST. Empty: none."},
		{"mail.host", "", nil, "Your mail server. Empty: no mail is sent."},
		{"mail.port", 25, nil, "Its port. 465 is TLS from the start; on others STARTTLS is used when it is offered."},
		{"mail.from", "", nil, "Sender of our mail. Empty: bugspark@ followed by server.name."},
		{"mail.username", "", nil, "Account at the mail server, with the password in the credential smtp-password. Empty: none."},

		{"accounts.admin_email", "", nil, "Address of the first administrator. Empty: admin@ followed by server.name."},
		{"accounts.session_days", 30, nil, "Days after which an unused sign-in ends."},

		{"limits.report_body_kib", 4096, nil, "Largest report, in KiB, without pictures."},
		{"limits.picture_mib", 10, nil, "Largest picture, in MiB."},
		{"limits.reports_per_project", 300, nil, "Reports a project takes per minute. 0: no limit."},
		{"limits.reports_per_address", 20, nil, "Reports one client address may send per minute. 0: no limit."},
		{"limits.logins_per_address", 10, nil, "Sign-in attempts one client address may make per minute. 0: no limit."},

		{"log.level", "info", []string{"debug", "info", "warn", "error"}, "How much the services write to the journal."},
	}
}

// Credential is a secret file below /etc/bugspark/credentials, handed to
// services by LoadCredential=.
type Credential struct {
	Name      string
	Generated bool // setup makes a random one; otherwise it starts empty
	Doc       string
}

// Credentials is every secret of an installation.
func Credentials() []Credential {
	return []Credential{
		{"secret-key", true, "signs picture links and session tokens"},
		{"storage-access-key", true, "access key id of the object store (yours with storage.engine s3)"},
		{"storage-secret-key", true, "secret key of the object store (yours with storage.engine s3)"},
		{"database-dsn", false, "connection string of your PostgreSQL with database.mode external"},
		{"replication-dsn", false, "connection string of a role with REPLICATION on your PostgreSQL, with backup.stream; empty: database-dsn"},
		{"backup-access-key", false, "access key id of the S3 service of backup.target"},
		{"backup-secret-key", false, "secret key of the S3 service of backup.target"},
		{"backup-ssh-key", false, "private key for the SFTP server of backup.target; made by 'bugspark backup ssh-key'"},
		{"copy-access-key", false, "access key id of the S3 service of backup.copy.target"},
		{"copy-secret-key", false, "secret key of the S3 service of backup.copy.target"},
		{"copy-ssh-key", false, "private key for the SFTP server of backup.copy.target"},
		{"backup-key", true, "encrypts the backups; without a copy of it elsewhere they are worth nothing"},
		{"archive-identity", true, "decrypts the archive of WAL and pictures between two backups; as precious as backup-key"},
		{"archive-recipient", true, "the public half of archive-identity, which is enough to write the archive"},
		{"smtp-password", false, "password at your mail server, with mail.username"},
		{"internal-ca", false, "the internal CA's intermediate key and chain; made by setup"},
	}
}
