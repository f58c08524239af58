package config

// Database is our PostgreSQL instance or the customer's.
type Database struct {
	Mode             string `mapstructure:"mode"` // managed, external
	SharedBuffersMiB int    `mapstructure:"shared_buffers_mib"`
	Pool             int    `mapstructure:"pool"`
}

func databaseSettings() []Setting {
	return []Setting{
		{Key: "database.mode", Default: "managed", Allowed: []string{"managed", "external"},
			Doc: "managed: our own PostgreSQL instance. external: yours, by the DSN in the credential database-dsn."},
		{Key: "database.shared_buffers_mib", Default: 0, Max: 1 << 20, Unit: "MiB", Applies: Condition{"database.mode", "managed"},
			Doc: "PostgreSQL's shared_buffers. 0: a quarter of memory, 64 at least, 4096 at most."},
		{Key: "database.pool", Default: 16, Min: 2, Max: 500,
			Doc: "Connections the API keeps to PostgreSQL."},
	}
}

// Storage is where pictures live.
type Storage struct {
	Engine      string `mapstructure:"engine"` // minio, s3, filesystem
	MinIOBinary string `mapstructure:"minio_binary"`
	Endpoint    string `mapstructure:"endpoint"`
	Bucket      string `mapstructure:"bucket"`
	Region      string `mapstructure:"region"`
}

func storageSettings() []Setting {
	s3 := Condition{"storage.engine", "s3"}
	return []Setting{
		{Key: "storage.engine", Default: "minio", Allowed: []string{"minio", "s3", "filesystem"},
			Doc: "Where pictures live: our MinIO, an S3 service of yours, or a directory ('bugspark up' only, for evaluation)."},
		{Key: "storage.minio_binary", Default: "", Applies: Condition{"storage.engine", "minio"},
			Doc: "Path of another MinIO server binary. Empty: the packaged one."},
		{Key: "storage.endpoint", Default: "", Applies: s3, Required: true, Form: webURL("https://s3.example.org"),
			Doc: "URL of the S3 service."},
		{Key: "storage.bucket", Default: "bugspark", Form: bucketName(),
			Doc: "Bucket that holds the pictures."},
		{Key: "storage.region", Default: "us-east-1", Applies: s3,
			Doc: "Region of the bucket."},
	}
}
