package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

var errNoHome = errors.New("neither HOME nor a folder for it is set")

// stateDir is where the platform wants state that is not shared between machines.
func stateDir(name string) (string, error) {
	if dir := os.Getenv(variable(name, "CONFIG_DIR")); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	switch runtime.GOOS {
	case "windows":
		return below(os.UserCacheDir, name) // %LocalAppData%: does not roam
	case "darwin":
		return below(os.UserConfigDir, name)
	}
	return below(os.UserHomeDir, filepath.Join(".local", "state", name))
}

// configDir is where the person writes config.toml.
func configDir(name string) (string, error) {
	if dir := os.Getenv(variable(name, "CONFIG_DIR")); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, name), nil
	}
	return below(os.UserConfigDir, name)
}

func below(parent func() (string, error), name string) (string, error) {
	dir, err := parent()
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoHome, err)
	}
	return filepath.Join(dir, name), nil
}

// variable is an environment variable of a program: HANDCLASP_TOKEN, ACME_CLI_TOKEN.
func variable(program, name string) string {
	prefix := strings.Map(func(r rune) rune {
		if (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') {
			return r
		}
		return '_'
	}, strings.ToUpper(program))
	return prefix + "_" + name
}

// short writes a path as a person would type it.
func short(path string) string {
	home, err := os.UserHomeDir()
	if err != nil || home == "" || home == "/" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, home+string(filepath.Separator)); ok {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
