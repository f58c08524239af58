// Package minio finds the MinIO server of an installation and says how to start
// it.
package minio

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/storagegate"
)

// packaged is where the package bugspark-minio puts the server.
const packaged = "/usr/lib/bugspark/minio"

// What MinIO itself demands of its keys, in characters.
const (
	shortestAccessKey = 3
	shortestSecretKey = 8
)

// Command is what to execute.
type Command struct{ Args, Env []string }

// Find returns the path of the server that the configuration names.
func Find(s config.Storage) (string, error) {
	binary := s.MinIOBinary
	if binary == "" {
		binary = packaged
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", fault.Wrap(fault.Preflight, err, "apt install bugspark-minio; or set storage.minio_binary; or use an S3 service of yours with storage.engine: s3",
			"there is no MinIO server at %s", binary)
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return "", fault.New(fault.Preflight, "correct storage.minio_binary", "there is no MinIO server at %s: it is no program", binary)
	}
	return binary, nil
}

// Server is the command that starts the server, after everything was checked
// that MinIO passes over in silence or in too many words. It makes the data
// directory.
func Server(lookup config.LookupEnv, dirs config.Dirs, s config.Storage) (Command, error) {
	binary, err := Find(s)
	if err != nil {
		return Command{}, err
	}
	user, err := keyFile(lookup, dirs, "storage-access-key", shortestAccessKey)
	if err != nil {
		return Command{}, err
	}
	password, err := keyFile(lookup, dirs, "storage-secret-key", shortestSecretKey)
	if err != nil {
		return Command{}, err
	}
	home := filepath.Join(dirs.State, "minio")
	data := filepath.Join(home, "data")
	if err := refuseOldFormat(data); err != nil {
		return Command{}, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return Command{}, fault.Wrap(fault.Preflight, err, "check the owner of "+home+" and the space on its disk", "making the data directory")
	}
	c := Command{
		// One drive, on the loopback of a network namespace that only the gate shares.
		Args: []string{binary, "server", "--quiet", "--address", storagegate.Address, data},
		Env: []string{
			"HOME=" + home, "LC_ALL=C.UTF-8",
			"MINIO_ROOT_USER_FILE=" + user, "MINIO_ROOT_PASSWORD_FILE=" + password,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CALLHOME_ENABLE=off",
			// Without it MinIO answers a PUT before the object's name is on the disk, and
			// a power cut loses an object that was called stored.
			"MINIO_FS_OSYNC=on",
		},
	}
	if socket, ok := lookup("NOTIFY_SOCKET"); ok {
		c.Env = append(c.Env, "NOTIFY_SOCKET="+socket)
	}
	return c, nil
}

// keyFile is the file of a credential that is there and long enough. Without one
// MinIO would run with minioadmin:minioadmin.
func keyFile(lookup config.LookupEnv, dirs config.Dirs, name string, shortest int) (string, error) {
	value, err := config.ReadCredential(lookup, dirs, name)
	if err != nil {
		return "", fault.Wrap(fault.Preflight, err, "run 'bugspark apply', which makes missing credentials", "MinIO needs its keys")
	}
	if len(value) < shortest {
		return "", fault.New(fault.Preflight, "put a random one into "+dirs.CredentialFile(name),
			"the credential %s is %d characters long, MinIO needs %d", name, len(value), shortest)
	}
	if dir, ok := lookup("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		return filepath.Join(dir, name), nil
	}
	return dirs.CredentialFile(name), nil
}

// refuseOldFormat refuses data of MinIO's old file system mode, which no server
// of today opens.
func refuseOldFormat(data string) error {
	path := filepath.Join(data, ".minio.sys", "format.json")
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(fault.Preflight, err, "check the owner of "+data, "reading MinIO's data")
	}
	var format struct{ Format string }
	if err := json.Unmarshal(content, &format); err != nil {
		return fault.Wrap(fault.Preflight, err, "restore "+data+" from a backup", "%s is damaged", path)
	}
	if format.Format == "fs" {
		return fault.New(fault.Preflight, "move the objects with the old server into a new directory, then put that in its place",
			"%s was written by MinIO's old file system mode, which this server cannot open", data)
	}
	return nil
}
