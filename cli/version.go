package cli

import "runtime/debug"

// buildVersion is what the build knows of itself: a version for an installed release,
// "(devel)" and the like from a checkout.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
