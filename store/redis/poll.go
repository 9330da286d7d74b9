package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/handclasp/handclasp/store"
)

// Poll decides what a waiting client hears; see store.Tickets.
func (s *Store) Poll(ctx context.Context, p store.Poll) (store.Polled, error) {
	if !validSID(p.SID) {
		return store.Polled{Answer: store.AnswerUnknown}, nil
	}
	bind := ""
	if p.Bind {
		bind = p.Key
	}
	reply, err := s.run(ctx, stepPoll, []string{s.keys.request(p.SID), s.keys.grant(p.SID)},
		s.clock(), p.Secret, p.ClientID, p.Fingerprint, digit(p.Recheck), p.SID, s.channel, p.Key, bind, digit(p.Again))
	if err != nil {
		return store.Polled{}, err
	}
	return polled(p.SID, reply)
}

func polled(sid string, reply answer) (store.Polled, error) {
	switch reply.word() {
	case "p":
		return store.Polled{Answer: store.AnswerPending, Interval: time.Duration(reply.number(1)) * time.Microsecond}, nil
	case "s":
		return store.Polled{Answer: store.AnswerSlowDown, Interval: time.Duration(reply.number(1)) * time.Microsecond}, nil
	case "granted":
		g, err := unpackGrant(sid, reply.text(1))
		return store.Polled{Answer: store.AnswerGranted, Grant: g}, err
	case "denied":
		return store.Polled{Answer: store.AnswerDenied, Reason: reply.text(1)}, nil
	case "killed":
		return store.Polled{Answer: store.AnswerDenied, Reason: store.ReasonFingerprint}, nil
	case "expired":
		return store.Polled{Answer: store.AnswerExpired}, nil
	case "wrong fingerprint":
		r, err := unpackRequest(sid, reply.text(1))
		return store.Polled{Answer: store.AnswerWrongFingerprint, Killed: reply.number(2) == 1, Request: r}, err
	case "wrong key":
		return store.Polled{Answer: store.AnswerWrongKey}, nil
	case "unknown", "not found":
		return store.Polled{Answer: store.AnswerUnknown}, nil
	default:
		return store.Polled{}, fmt.Errorf("redis: poll: unknown answer %q", reply.word())
	}
}

func digit(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}
