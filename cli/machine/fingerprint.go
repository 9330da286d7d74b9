// Package machine says what this device calls itself, and makes the fingerprint by
// which a server tells it from others.
package machine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
)

// partPatience is how long one source of information may take; some ask other
// programs, and a missing part only makes the fingerprint a little less telling.
const partPatience = 2 * time.Second

// Fingerprint makes a new fingerprint: the SHA-256 of what is known about the hardware
// and 16 random bytes, in base64url, 43 characters. Two calls never agree, so it is
// made once and kept; nobody can work it out from the hardware.
func Fingerprint(ctx context.Context) string {
	digest := sha256.New()
	for _, part := range hardware(ctx, partPatience) {
		// Each part is preceded by its length, so that no two lists read the same.
		_, _ = fmt.Fprintf(digest, "%d:%s", len(part), part) // a hash takes everything
	}
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails (Go 1.24)
	digest.Write(salt)
	return base64.RawURLEncoding.EncodeToString(digest.Sum(nil))
}

// hardware lists what can be read in time, always in the same order.
func hardware(ctx context.Context, patience time.Duration) []string {
	parts := []string{"os=" + runtime.GOOS, "arch=" + runtime.GOARCH}
	sources := []struct {
		name string
		read func(context.Context) (string, error)
	}{
		{"platform", platform}, {"host", host.HostIDWithContext}, {"cpu", cpuModel}, {"board", board},
	}
	for _, source := range sources {
		if value := inTime(ctx, patience, source.read); value != "" {
			parts = append(parts, source.name+"="+value)
		}
	}
	return parts
}

func inTime(ctx context.Context, patience time.Duration, read func(context.Context) (string, error)) string {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan string, 1)
	go func() {
		value, err := read(ctx)
		if err != nil {
			value = ""
		}
		done <- strings.TrimSpace(value)
	}()
	select {
	case value := <-done:
		return value
	case <-ctx.Done():
		return ""
	}
}

func platform(ctx context.Context) (string, error) {
	name, family, version, err := host.PlatformInformationWithContext(ctx)
	return strings.Join([]string{name, family, version}, " "), err
}

func cpuModel(ctx context.Context) (string, error) {
	infos, err := cpu.InfoWithContext(ctx)
	if err != nil || len(infos) == 0 {
		return "", err
	}
	return infos[0].VendorID + " " + infos[0].ModelName, nil
}

// board is what Linux shows of the main board without being root.
func board(context.Context) (string, error) {
	var parts []string
	for _, name := range []string{"board_vendor", "board_name", "product_name"} {
		if raw, err := os.ReadFile("/sys/class/dmi/id/" + name); err == nil {
			parts = append(parts, strings.TrimSpace(string(raw)))
		}
	}
	return strings.Join(parts, " "), nil
}
