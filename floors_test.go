package handclasp_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// floors say on which floor a room stands. An import goes down, never sideways or up. Rooms below a room (server/pages,
// cli/…) stand on its floor, and the room may use them.
var floors = map[string]int{
	"":               0, // the embedded openapi.yaml
	"store":          0,
	"keys":           0,
	"mail":           0,
	"outside":        0,
	"store/sql":      1,
	"store/redis":    1,
	"sessions":       2,
	"oauth":          3,
	"providers":      3,
	"admin":          4,
	"server":         5,
	"cmd/handclaspd": 6,
	"cli":            1,
	"cmd/handclasp":  6,
	"verify":         0, // what an API mounts: it knows nothing of the server but HTTP
	"examples":       6,
}

// benches use whatever they want: nothing imports them.
var benches = []string{"demo", "bench", "store/storetest", "server/servertest"}

const module = "github.com/handclasp/handclasp"

func TestImportsOnlyGoDown(t *testing.T) {
	t.Parallel()
	for path, imports := range productImports(t) {
		from := room(path)
		for _, imported := range imports {
			to := room(imported)
			if from == to || strings.HasPrefix(to, from+"/") {
				continue
			}
			if slices.ContainsFunc(benches, func(b string) bool { return inside(to, b) }) {
				t.Errorf("%s imports %s, which is for tests only", path, imported)
			}
			if floors[from] <= floors[to] {
				t.Errorf("%s (floor %d) imports %s (floor %d): imports only go down", path, floors[from], imported, floors[to])
			}
			if from == "cli" || from == "cmd/handclasp" && to != "cli" {
				t.Errorf("%s imports %s: the client speaks HTTP and knows nothing of the server", path, imported)
			}
		}
	}
}

func TestOnlyOAuthKnowsFosite(t *testing.T) {
	t.Parallel()
	for path, imports := range allImports(t) {
		for _, imported := range imports {
			if strings.HasPrefix(imported, "github.com/ory/") && room(path) != "oauth" {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
}

func TestServerSeesNoStoreBehindItsPromises(t *testing.T) {
	t.Parallel()
	forbidden := []string{"database/sql", "github.com/redis/", "github.com/wneessen/", module + "/store/sql", module + "/store/redis"}
	for path, imports := range allImports(t) {
		if room(path) != "server" || inside(path, "server/servertest") {
			continue
		}
		for _, imported := range imports {
			for _, f := range forbidden {
				if strings.HasPrefix(imported, f) {
					t.Errorf("%s imports %s", path, imported)
				}
			}
		}
	}
}

// room finds the longest known room that a folder lies in.
func room(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	for at := path; ; at = filepath.Dir(at) {
		if at == "." {
			return ""
		}
		if _, ok := floors[at]; ok {
			return at
		}
	}
}

func inside(path, folder string) bool {
	path = strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	return path == folder || strings.HasPrefix(path, folder+"/")
}

// productImports are the imports of our own packages by our own packages, tests and benches left out.
func productImports(t *testing.T) map[string][]string {
	own := map[string][]string{}
	for path, imports := range allImports(t) {
		if slices.ContainsFunc(benches, func(b string) bool { return inside(path, b) }) {
			continue
		}
		for _, imported := range imports {
			if imported == module || strings.HasPrefix(imported, module+"/") {
				own[path] = append(own[path], imported)
			}
		}
	}
	return own
}

// allImports maps each folder of the module to what its files import, tests left out.
func allImports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "data" || d.Name() == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[folder] = append(found[folder], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d folders were read; the walk is broken", len(found))
	}
	return found
}
