package machine

import (
	"os"
	"runtime"
	"strings"
)

// Name is what this device calls itself: its host name without the domain, which is
// nobody's business.
func Name() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "unnamed " + runtime.GOOS
	}
	name, _, _ = strings.Cut(name, ".")
	return name
}

// Platform is the operating system and architecture, such as linux/amd64.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }
