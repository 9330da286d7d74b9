package providers

import (
	"context"
	"time"

	"github.com/handclasp/handclasp/sessions"
	"github.com/handclasp/handclasp/store"
)

// MailLimits say how many mails may be asked for. No stranger can use up a person's own allowance: a browser that the
// person has signed in with before counts by itself, also among its own network and in the sum of all.
type MailLimits struct {
	Network  Bucket // of strangers in one network, all addresses: beyond it 429
	Pair     Bucket // of one address by one network
	Stranger Bucket // of one address by strangers of all networks
	Known    Bucket // of one address by a browser that knows it
	All      Bucket // of all strangers, and again of all who are known
}

// Bucket holds Burst, and one more comes every Every.
type Bucket struct {
	Burst int
	Every time.Duration
}

// DefaultMailLimits let no more than three mails in a row go to an address for one network (one more after 15 minutes),
// ten an hour for strangers, and ten an hour for a network.
var DefaultMailLimits = MailLimits{
	Network:  Bucket{5, 12 * time.Minute},
	Pair:     Bucket{3, 15 * time.Minute},
	Stranger: Bucket{5, 12 * time.Minute},
	Known:    Bucket{5, 5 * time.Minute},
	All:      Bucket{1000, 50 * time.Millisecond},
}

func (l MailLimits) network(ctx context.Context) store.Limit {
	return l.Network.limit("mail.network:" + sessions.OriginOf(ctx).Network)
}

func (l MailLimits) address(ctx context.Context, a Ask) []store.Limit {
	address := short(a.Email)
	if a.Known {
		return []store.Limit{l.Known.limit("mail.known:" + short(a.Email+" "+a.KnownID)), l.All.limit("mail.all:known")}
	}
	return []store.Limit{
		l.Pair.limit("mail.pair:" + address + ":" + sessions.OriginOf(ctx).Network),
		l.Stranger.limit("mail.stranger:" + address),
		l.All.limit("mail.all"),
	}
}

func (b Bucket) limit(key string) store.Limit {
	return store.Limit{Key: key, Burst: b.Burst, Every: b.Every}
}

// short keeps addresses out of keys.
func short(value string) string { return store.Digest("limit", value)[:16] }
