package main

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Every command obeys every setting. Its help shows those that matter to it: where the server's things lie, unless an
// annotation names others, or all of them.
const (
	shownSettings      = "config data database redis issuer"
	settingsAnnotation = "settings"
	jsonFlag           = "json"
	every              = "all"
)

// settings is an annotation that names the settings which the help of a command shows.
func settings(names string) map[string]string { return map[string]string{settingsAnnotation: names} }

// showUsage is the help of every command below its first sentence.
func showUsage(c *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage:\n  %s\n", usageLine(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		showCommands(&b, c)
	} else {
		showFlags(&b, c)
	}
	_, err := io.WriteString(c.OutOrStderr(), b.String())
	return err
}

func usageLine(c *cobra.Command) string {
	if c.HasAvailableSubCommands() {
		return c.CommandPath() + " <command>"
	}
	return c.UseLine()
}

func showCommands(b *strings.Builder, c *cobra.Command) {
	b.WriteString("\nCommands:\n")
	var rows []string
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() || child.Name() == "help" {
			rows = append(rows, "  "+child.Name()+"\t"+child.Short)
		}
	}
	aligned(b, rows...)
	fmt.Fprintf(b, "\n%q explains a command, %q all settings.\n", c.CommandPath()+" <command> --help", "handclaspd help serve")
}

func showFlags(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\nFlags:\n%s", flagsOf(c).FlagUsages())
	all, shown := c.Annotations[settingsAnnotation] == every, strings.Fields(shownSettings)
	if names, ok := c.Annotations[settingsAnnotation]; ok {
		shown = strings.Fields(names)
	}
	b.WriteString("\nSettings, each as a flag, as HANDCLASPD_NAME, or in the settings file:\n")
	rows, secrets := []string{"  --" + configName + " file\t" + configHelp}, false
	fieldsOf(&Settings{}, func(f reflect.StructField, _ reflect.Value) {
		if title := f.Tag.Get("group"); all && title != "" {
			rows = append(rows, "", " "+title)
		}
		if all || slices.Contains(shown, nameOf(f)) {
			rows = append(rows, "  --"+nameOf(f)+" "+valueOf(f)+"\t"+helpOf(f))
			secrets = secrets || isSecret(f)
		}
	})
	aligned(b, rows...)
	if secrets {
		b.WriteString("\n[secret] may also be given as HANDCLASPD_NAME_FILE, the path of a file that holds it.\n")
	}
}

// flagsOf are a command's own flags and those of all commands that it hears, but for the settings.
func flagsOf(c *cobra.Command) *pflag.FlagSet {
	flags := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	flags.AddFlagSet(c.LocalNonPersistentFlags())
	flags.AddFlag(c.Root().PersistentFlags().Lookup(jsonFlag))
	if c.Annotations[serverAnnotation] != "" {
		flags.AddFlag(c.Root().PersistentFlags().Lookup(serverFlag))
	}
	return flags
}

// valueOf names the kind of a setting's value.
func valueOf(f reflect.StructField) string {
	if text := f.Tag.Get("value"); text != "" {
		return text
	}
	switch reflect.Zero(f.Type).Interface().(type) {
	case time.Duration:
		return "time"
	case bool:
		return ""
	default:
		return "number"
	}
}

func helpOf(f reflect.StructField) string {
	text := f.Tag.Get("help")
	if fallback := f.Tag.Get("default"); fallback != "" && !strings.Contains(text, "default") {
		text += " (" + fallback + ")"
	}
	if isSecret(f) {
		text += " [secret]"
	}
	return text
}

// aligned writes rows of two columns that are divided by a tab.
func aligned(b *strings.Builder, rows ...string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.DiscardEmptyColumns)
	_, _ = io.WriteString(w, strings.Join(rows, "\n")+"\n") // into memory: it cannot fail
	_ = w.Flush()
}
