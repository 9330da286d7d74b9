package main

import (
	"context"
	"runtime"

	"github.com/spf13/cobra"
)

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version, and the signer in use", Args: words(), Annotations: settings("config data"),
		Example: "  handclaspd version --json",
		RunE: func(c *cobra.Command, _ []string) error {
			a.started = true
			platform := runtime.GOOS + "/" + runtime.GOARCH
			signer := a.signer(c)
			if a.json {
				return a.printJSON(map[string]string{"version": version(), "go": runtime.Version(), "platform": platform, "signer": signer})
			}
			if signer != "" {
				signer = ", signer " + signer
			}
			return a.tell("handclaspd %s (%s, %s%s)", version(), runtime.Version(), platform, signer)
		},
	}
}

// signer names what computes signatures with the keys of the data folder. It is empty without keys, or without settings
// that can be read: the version is asked for when something is wrong.
func (a *app) signer(c *cobra.Command) (name string) {
	if a.prepare(c) != nil {
		return ""
	}
	_ = a.errand(c.Context(), func(h *house) error {
		name = h.keys.Backend()
		return nil
	}, func(h *house, ctx context.Context) error {
		h.settings.SigningKey = "" // the folder's key will do, and a wrong one is not version's to report
		return oldKeys(h, ctx)
	})
	return name
}
