package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/bugspark/bugspark/internal/config"
	"github.com/bugspark/bugspark/internal/fault"
	"github.com/bugspark/bugspark/internal/host/storagegate"
)

// packagedMinIO is where the package bugspark-minio puts the server.
const packagedMinIO = "/usr/lib/bugspark/minio"

func newMinIO(env Env) *cobra.Command {
	return &cobra.Command{
		Use:    "minio",
		Short:  "Become the MinIO server (a role of the service manager)",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			dirs := config.DirsFrom(env.Lookup)
			cfg, err := config.Load(dirs, env.Lookup)
			if err != nil {
				return err
			}
			server, err := minioServer(env.Lookup, dirs, cfg.Storage)
			if err != nil {
				return err
			}
			// By exec, so that MinIO itself tells the service manager when it is ready.
			err = syscall.Exec(server.args[0], server.args, server.env)
			return fault.Wrap(fault.Failed, err, "check that "+server.args[0]+" can be executed", "starting MinIO")
		},
	}
}

// program is what to execute.
type program struct{ args, env []string }

// minioServer is the MinIO server of this installation, after everything was
// checked that it would itself pass over in silence or in too many words.
func minioServer(lookup config.LookupEnv, dirs config.Dirs, s config.Storage) (program, error) {
	binary := s.MinIOBinary
	if binary == "" {
		binary = packagedMinIO
	}
	if info, err := os.Stat(binary); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return program{}, fault.New(fault.Preflight, "install the package bugspark-minio, or set storage.minio_binary in "+dirs.File(),
			"there is no MinIO server at %s", binary)
	}
	user, err := minioKey(lookup, dirs, "storage-access-key", 3)
	if err != nil {
		return program{}, err
	}
	password, err := minioKey(lookup, dirs, "storage-secret-key", 8)
	if err != nil {
		return program{}, err
	}
	home := filepath.Join(dirs.State, "minio")
	data := filepath.Join(home, "data")
	if err := refuseOldFormat(data); err != nil {
		return program{}, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return program{}, fault.Wrap(fault.Preflight, err, "check the owner of "+home+" and the space on its disk", "making the data directory")
	}

	out := program{
		// One drive, on loopback of a namespace that only the gate shares.
		args: []string{binary, "server", "--quiet", "--address", storagegate.Address, data},
		env: []string{
			"HOME=" + home, "LC_ALL=C.UTF-8",
			"MINIO_ROOT_USER_FILE=" + user, "MINIO_ROOT_PASSWORD_FILE=" + password,
			"MINIO_BROWSER=off", "MINIO_UPDATE=off", "MINIO_CALLHOME_ENABLE=off",
			// Without it a PUT is answered before the object's name is on the disk,
			// and a power cut loses what we have called stored.
			"MINIO_FS_OSYNC=on",
		},
	}
	if socket, ok := lookup("NOTIFY_SOCKET"); ok {
		out.env = append(out.env, "NOTIFY_SOCKET="+socket)
	}
	return out, nil
}

// minioKey is the file of a credential that is there and long enough. MinIO
// would run with minioadmin:minioadmin if it were not.
func minioKey(lookup config.LookupEnv, dirs config.Dirs, name string, least int) (string, error) {
	value, err := config.ReadCredential(lookup, dirs, name)
	if err != nil {
		return "", fault.Wrap(fault.Preflight, err, "run 'bugspark apply', which makes missing credentials", "MinIO needs its keys")
	}
	if len(value) < least {
		return "", fault.New(fault.Preflight, "put a random one into "+dirs.CredentialFile(name),
			"the credential %s is %d characters long, MinIO needs %d", name, len(value), least)
	}
	if dir, ok := lookup("CREDENTIALS_DIRECTORY"); ok && dir != "" {
		return filepath.Join(dir, name), nil
	}
	return dirs.CredentialFile(name), nil
}

// refuseOldFormat finds data of MinIO's old file system mode, which no server of
// today opens.
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
		return fault.New(fault.Preflight, "copy the objects with the old server into a new directory, then put that in its place",
			"%s was written by MinIO's old file system mode, which this server cannot open", data)
	}
	return nil
}
