package handclasp_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var linkInText = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinksOfTheDocsLeadSomewhere follows every link of every page that leads into the repository, headings included.
func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	followed := 0
	for _, page := range pages(t) {
		for _, found := range linkInText.FindAllStringSubmatch(read(t, page), -1) {
			target, heading, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			followed++
			path := filepath.Join(filepath.Dir(page), target)
			if target == "" {
				path = page
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
				continue
			}
			if heading != "" && !strings.Contains(headings(read(t, path)), "\n"+heading+"\n") {
				t.Errorf("%s links to %s, which has no such heading", page, found[1])
			}
		}
	}
	if followed < 10 {
		t.Fatalf("only %d links were followed; the search is broken", followed)
	}
}

// TestTheREADMENamesNoSettingThatIsNotThere keeps the table of settings from promising what is not there.
func TestTheREADMENamesNoSettingThatIsNotThere(t *testing.T) {
	t.Parallel()
	settings := read(t, "cmd/handclaspd/settings.go")
	for _, page := range []string{"README.md", "docs/operations.md"} {
		for _, found := range regexp.MustCompile("`--([a-z][a-z-]+)").FindAllStringSubmatch(read(t, page), -1) {
			name := found[1]
			if strings.Contains(settings, `name:"`+name+`"`) || name == "config" || name == "now" || name == "server" {
				continue
			}
			t.Errorf("%s names --%s, which is no setting", page, name)
		}
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "data" || d.Name() == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if err == nil && strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// headings are the names that links give to a page's headings, one a line.
func headings(text string) string {
	var b strings.Builder
	b.WriteString("\n")
	for line := range strings.Lines(text) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		name := strings.ToLower(strings.TrimSpace(title))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		b.WriteString(strings.ReplaceAll(name, " ", "-") + "\n")
	}
	return b.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
