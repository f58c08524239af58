package config

import "fmt"

// rules are those between settings; each returns what is wrong, or "".
func rules() []func(Config) string {
	return []func(Config) string{portsDiffer, copyIsAnotherTarget, streamIsOfExternalDatabase, mailNeedsServer, plaintextIsSaid}
}

func portsDiffer(c Config) string {
	if c.Server.HTTPPort == c.Server.HTTPSPort {
		return fmt.Sprintf("server.http_port and server.https_port must differ (both are %d)", c.Server.HTTPPort)
	}
	return ""
}

func copyIsAnotherTarget(c Config) string {
	second := c.Backup.Copy.Target
	if second != "" && (c.Backup.Target == "" || second == c.Backup.Target) {
		return "backup.copy.target must be another target than backup.target, which must be set"
	}
	return ""
}

func streamIsOfExternalDatabase(c Config) string {
	if c.Backup.Stream && c.Database.Mode == "managed" {
		return "backup.stream is for database.mode external; of our own PostgreSQL the WAL is received in any case"
	}
	return ""
}

func mailNeedsServer(c Config) string {
	if len(c.Alert.MailTo) > 0 && c.Mail.Host == "" {
		return "alert.mail_to needs mail.host, your mail server"
	}
	return ""
}
