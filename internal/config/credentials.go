package config

// Credential is a secret file below /etc/bugspark/credentials, handed to
// services by LoadCredential=.
type Credential struct {
	Name      string
	Generated bool // setup makes it; otherwise it starts empty, or is made with another
	Doc       string
}

// Credentials are the secrets that services are handed.
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
		{"archive-recipient", true, "the public half of archive-identity, which encrypts the archive"},
		{"archive-signing-key", true, "signs every file of the archive; whoever has it can put files there that a restore believes"},
		{"smtp-password", false, "password at your mail server, with mail.username"},
		{"webhook-token", false, "secret of alert.webhook: takes the place of {token} there, or is sent as a bearer token"},
		{"internal-ca", false, "the internal CA's intermediate key and chain; made by setup"},
	}
}
