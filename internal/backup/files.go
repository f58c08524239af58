package backup

// Paths in the directory config of a set.
const (
	ConfigFile          = "bugspark.yaml"
	RootCertificateFile = "ca.pem" // of our own CA
	CredentialsDir      = "credentials/"
	CertificateFile     = "tls/certificate.pem" // of tls.mode files, whatever its name outside
	CertificateKeyFile  = "tls/key.pem"
	WritersFile         = "archive-signing-key.pub" // whose files of the archive are read
	OverridesDir        = "postgresql.conf.d/"
)

// NoFile is what the service manager hands over in the place of a certificate's
// file that is not there: LoadCredential= would keep the job from starting.
const NoFile = "missing"
