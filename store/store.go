// Package store holds the words of Handclasp (User, Device, Session, Client, Event, and the tickets of a login) and the
// promises that every keeper of them makes. It has no code that touches a disk or a network: the keepers are its folders
// store/sql and store/redis, and store/storetest is the suite that each of them passes.
//
// There are two kinds of memory. Records are durable: they say who there is, which device belongs to whom, and which
// sessions were begun and ended. Tickets expire: a device request, a refresh grant, a link in a mail, a counter.
//
// Every change of state is a claim: one conditional write decides, and its success is the permission to go on.
// No method looks first and writes later, so any number of replicas may call any of them at once.
package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"time"
)

// The refusals of a keeper. Callers decide with errors.Is; any other error means that the keeper could not answer, that
// nothing may be assumed, and that the caller fails closed.
var (
	// ErrNotFound: there is no such thing, or it was there and has been used, has expired or was never the caller's.
	ErrNotFound = errors.New("not found")
	// ErrExists: the name is taken (a client id, a user code among the live ones, an address).
	ErrExists = errors.New("exists already")
	// ErrTaken: another browser session opened this request first, and keeps it.
	ErrTaken = errors.New("taken by another session")
	// ErrDecided: the request has already been approved, denied or killed; terminal states stay terminal.
	ErrDecided = errors.New("decided already")
	// ErrExpired: the request outlived its time.
	ErrExpired = errors.New("expired")
	// ErrConflict: the device belongs to another user who has a live session on it.
	ErrConflict = errors.New("device belongs to another user")
	// ErrFull: the user has as many devices signed in as one may have.
	ErrFull = errors.New("too many devices")
	// ErrForeign: the grant belongs to another client, or the fingerprint is not the one it was made with. Nothing moved.
	ErrForeign = errors.New("belongs to another client or device")
	// ErrScope: a requested scope was never granted. Nothing moved.
	ErrScope = errors.New("scope was not granted")
	// ErrTarget: a requested audience was never granted. Nothing moved.
	ErrTarget = errors.New("audience was not granted")
	// ErrKey: the request or grant is bound to a key, and it was not this one that was shown. Nothing moved.
	ErrKey = errors.New("another key is needed")
	// ErrReused: a spent refresh token was presented; the keeper has deleted the grant in the same step.
	ErrReused = errors.New("spent token was used again")
	// ErrWrong: a half of a link, or its code, does not fit; the try was counted.
	ErrWrong = errors.New("does not fit")
	// ErrChanged: it is not any more what the caller has looked at. Nothing moved.
	ErrChanged = errors.New("changed meanwhile")
	// ErrRefused: the user or the client may not have sessions now (disabled, deleted), or the session has ended.
	ErrRefused = errors.New("not allowed any more")
)

// The prefixes of our identifiers, so that a log line explains itself. No client may choose an id with one of them.
const (
	UserPrefix    = "usr_"
	DevicePrefix  = "dev_"
	SessionPrefix = "ses_"
	ClientPrefix  = "cli_"
	EventPrefix   = "evt_"
	InvitePrefix  = "inv_"
)

// AppFingerprint begins the fingerprint hash of what is no device of its own, but one app in one browser: however many of those a
// person has, they take no place among the devices.
const AppFingerprint = "app:"

var idAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns prefix and 128 random bits in 26 letters and digits that are safe in a URL, a Redis key and a log line.
func NewID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24: the program ends instead
	return IDOf(prefix, b)
}

// IDOf is NewID of bits that the caller has: of the same ones it makes the same id.
func IDOf(prefix string, bits [16]byte) string { return prefix + idAlphabet.EncodeToString(bits[:]) }

// ValidID reports whether id could have come from NewID with this prefix. Ids from outside pass here before they become
// part of a key or a log line.
func ValidID(prefix, id string) bool {
	body, ok := strings.CutPrefix(id, prefix)
	if !ok || len(body) != 26 {
		return false
	}
	for _, c := range []byte(body) {
		if !strings.ContainsRune("0123456789abcdefghjkmnpqrstvwxyz", rune(c)) {
			return false
		}
	}
	return true
}

// ValidClientID reports whether id can be the id of a registered client: 1 to 128 letters, digits and ._~:/- (so that an
// https address may be one), without any of our own prefixes but cli_.
func ValidClientID(id string) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for _, prefix := range []string{UserPrefix, DevicePrefix, SessionPrefix, EventPrefix} {
		if strings.HasPrefix(id, prefix) {
			return false
		}
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("._~:/-", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// NewEventID returns an id that sorts by the time it was made: 48 bits of milliseconds and 16 that count, together never
// lower than the last one of this process, also when the clock is set back; then random bits.
func NewEventID(at time.Time) string {
	var b [16]byte
	rand.Read(b[:])
	n := uint64(at.UnixMilli()) << 16
	for {
		last := lastEvent.Load()
		n = max(n, last+1)
		if lastEvent.CompareAndSwap(last, n) {
			break
		}
	}
	binary.BigEndian.PutUint64(b[:8], n)
	return EventPrefix + idAlphabet.EncodeToString(b[:])
}

// FirstEventID is lower than the id of every event of this time and of every later one.
func FirstEventID(at time.Time) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(max(0, at.UnixMilli()))<<16)
	return EventPrefix + idAlphabet.EncodeToString(b[:])
}

// lastEvent orders the events of one millisecond. It is the only thing in this package that changes.
var lastEvent atomic.Uint64
