// Command bench prints what the server costs, as a table of ratios that were measured in one run: the CPU of the server
// process and of Redis for each request, beside a bare handler and pure signatures on the same cores; the time from
// Approve to tokens in the client; the start; the memory. Every server in it is a real process that is spoken to over
// HTTP, and every session that is refreshed comes from a real login through the real pages.
//
// The table goes to stdout, as Markdown or with -json as JSON; what is being done goes to stderr.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	if len(os.Args) == 5 && os.Args[1] == bareFlag {
		fail(serveBare(os.Args[2], os.Args[3], os.Args[4]))
		return
	}
	bin := flag.String("bin", "bin", "folder of the programs")
	quick := flag.Bool("quick", false, "a rough look, in less than a minute")
	full := flag.Bool("full", false, "100,000 live sessions and as many logins, for as long as they take")
	asJSON := flag.Bool("json", false, "print JSON")
	aof := flag.Bool("aof", false, "let Redis keep an append-only file (everysec)")
	only := flag.String("only", "", "sections to run, separated by commas: costs,approve,start,live,growth")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	// The persons of demo/person share Go's default transport; several of them work at once.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64
	fail(run(ctx, bench{bin: *bin, aof: *aof, size: sizeOf(*quick, *full)}, *only, *asJSON))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

// bench is one run in one temporary folder.
type bench struct {
	bin    string
	folder string
	aof    bool
	size   size
}

// size says how much is done.
type size struct {
	rounds    int // of every measured request, one kind after the other
	requests  int // of a kind in a round
	refreshes int // of a kind in a round: they are dear
	approvals int // in each row of the waiting
	starts    int
	live      int           // sessions that are kept while memory is measured
	logins    int           // of the growth
	rest      time.Duration // before memory is read
	most      time.Duration // that the filling with sessions, and the logins, may take; the row says how far they came
}

func sizeOf(quick, full bool) size {
	s := size{
		rounds: 5, requests: 4000, refreshes: 1200, approvals: 200, starts: 15, live: 100_000, logins: 2000,
		rest: 6 * time.Second, // the first sweep comes after five
		most: 25 * time.Second,
	}
	if quick {
		s = size{
			rounds: 2, requests: 1500, refreshes: 400, approvals: 50, starts: 5, live: 3000, logins: 100,
			rest: time.Second, most: 5 * time.Second,
		}
	}
	if full {
		s.logins, s.most = 100_000, 24*time.Hour
	}
	return s
}

// sections are what can be run, in this order.
var sections = []struct {
	name string
	run  func(b bench, ctx context.Context) (section, error)
}{
	{"costs", bench.costs},
	{"approve", bench.approvals},
	{"start", bench.starts},
	{"live", bench.live},
	{"growth", bench.growth},
}

func run(ctx context.Context, b bench, only string, asJSON bool) error {
	folder, err := os.MkdirTemp("", "handclasp-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	b.folder = folder
	r := report{Began: time.Now(), Machine: machine()}
	for _, s := range sections {
		if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
			continue
		}
		say("%s", s.name)
		done, err := s.run(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		r.Sections = append(r.Sections, done)
	}
	r.Seconds = time.Since(r.Began).Seconds()
	if asJSON {
		return r.writeJSON(os.Stdout)
	}
	return r.writeMarkdown(os.Stdout)
}

// say tells whoever waits what is being done.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
