package sessions

import "context"

// Origin is where a request comes from, as far as the server can vouch for it.
type Origin struct {
	Address   string // the client's network address, for people and events
	Network   string // what is counted: the address, or its /64 for IPv6
	RequestID string
	Actor     string // who asks, of requests that an operator may make; events name it
}

type originKey struct{}

// WithOrigin notes in the context where the request comes from, so that every event can say so.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns what WithOrigin noted; the zero Origin for work that no request asked for.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}
