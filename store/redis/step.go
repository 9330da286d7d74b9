package redis

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/handclasp/handclasp/store"
)

//go:embed lua/*.lua
var sources embed.FS

// step is one change of state: a script and its name in errors.
type step struct {
	name   string
	script *goredis.Script
	// repeat allows a second try when the connection broke and it is not known whether the first one was carried out.
	// It is set where a repeat gives the same answer. It is not for Open (its own user code would be taken), Poll
	// (granted is said once: the repeat would say unknown of a grant that was just written), TakeLink, Allow and Mark:
	// there a lost answer is an error, and the caller fails closed. Nor is it for TakeNote. A timeout is never tried again: there is no time.
	repeat bool
}

// The steps, each put together from the pieces in lua. On a Cluster open falls into two of the same pieces: the first
// four and "point" under {door}, then "keep" under the session.
var (
	stepOpen    = newStep("open", false, "buckets", "claim", "charge", "point", "keep", "ok")
	stepPoll    = newStep("poll", false, "request", "poll", "owner", "redeem")
	stepBind    = newStep("bind", true, "request", "owner", "bind")
	stepView    = newStep("request", true, "request", "owner", "view")
	stepApprove = newStep("approve", true, "request", "owner", "approve")
	stepDeny    = newStep("deny", true, "request", "owner", "deny")
	// A repeated rotation presents what has just become the previous token, and gets the same successor.
	stepRotate  = newStep("rotate", true, "rotate")
	stepGrant   = newStep("grant", true, "grant")
	stepDrop    = newStep("drop", true, "drop")
	stepPut     = newStep("put", true, "put")
	stepBrowser = newStep("browser", true, "browser")
	stepLink    = newStep("link", true, "link", "read")
	stepTake    = newStep("take link", false, "link", "take")
	stepAllow   = newStep("allow", false, "buckets", "charge", "ok")
	stepMark    = newStep("mark", false, "mark")
	stepMarked  = newStep("marked", true, "marked")
	stepJot     = newStep("put note", true, "jot")
	stepNote    = newStep("note", true, "note", "told")
	stepTear    = newStep("take note", false, "note", "tear", "told")
)

func newStep(name string, repeat bool, pieces ...string) *step {
	var b strings.Builder
	fmt.Fprintf(&b, "local AFTERLIFE, SLACK, REPEAT, STEP, MOST = %d, %d, %d, %d, %d\n",
		store.RequestAfterlife.Microseconds(), store.PollSlack.Microseconds(), store.PollRepeat.Microseconds(),
		store.SlowDownStep.Microseconds(), store.SlowDownMost.Microseconds())
	fmt.Fprintf(&b, "local ANYKEY, AGAIN = '%s', %d\n", store.AnyKey, store.RedeemAgain.Microseconds())
	fmt.Fprintf(&b, "local WRONG, GRACE, HALVES, MINUTE = %d, %d, %d, %d\n",
		store.WrongFingerprints, store.RefreshGrace.Microseconds(), store.WrongHalves, slideStep.Microseconds())
	if name != "drop" { // which knows no time
		pieces = append([]string{"now"}, pieces...)
	}
	for _, piece := range pieces {
		source, err := sources.ReadFile("lua/" + piece + ".lua")
		if err != nil {
			panic(err) // a misspelt piece: no process that has one starts
		}
		b.Write(source)
	}
	return &step{name: name, script: goredis.NewScript(b.String()), repeat: repeat}
}

// The first word of an answer that is a refusal.
var refusals = map[string]error{
	"not found": store.ErrNotFound,
	"exists":    store.ErrExists,
	"taken":     store.ErrTaken,
	"decided":   store.ErrDecided,
	"expired":   store.ErrExpired,
	"foreign":   store.ErrForeign,
	"key":       store.ErrKey,
	"scope":     store.ErrScope,
	"target":    store.ErrTarget,
	"reused":    store.ErrReused,
	"wrong":     store.ErrWrong,
}

// answer is what a script said: a word, and what goes with it.
type answer []any

func (a answer) word() string {
	if len(a) == 0 {
		return ""
	}
	word, _ := a[0].(string)
	return word
}

// text returns what stands at i, or an empty string, which no record can be unpacked from.
func (a answer) text(i int) string {
	if len(a) <= i {
		return ""
	}
	text, _ := a[i].(string)
	return text
}

func (a answer) number(i int) int64 {
	if len(a) <= i {
		return 0
	}
	number, _ := a[i].(int64)
	return number
}

// ok is nil if the answer is a plain yes, one of store's errors if it is a clear no.
func (a answer) ok(of *step) error {
	if a.word() == "ok" {
		return nil
	}
	if err := refusals[a.word()]; err != nil {
		return err
	}
	return fmt.Errorf("redis: %s: unknown answer %q", of.name, a.word())
}

// run carries out a step in one round trip (two, once, if Redis does not know the script yet). Its error means that
// Redis gave no clear answer.
func (s *Store) run(ctx context.Context, of *step, keys []string, args ...any) (answer, error) {
	reply, err := of.script.Run(ctx, s.client, keys, args...).Slice()
	if err != nil && of.repeat && broken(err) && ctx.Err() == nil {
		reply, err = of.script.Run(ctx, s.client, keys, args...).Slice()
	}
	if err != nil {
		return nil, fmt.Errorf("redis: %s: %w", of.name, err)
	}
	return reply, nil
}

// broken reports whether the connection broke, as it does when Redis restarts or fails over.
func broken(err error) bool {
	var network net.Error
	if errors.As(err, &network) {
		return !network.Timeout()
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
