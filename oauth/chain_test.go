package oauth

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/handclasp/handclasp/keys"
	"github.com/handclasp/handclasp/store"
)

func newTestChain(t testing.TB) *Chain {
	t.Helper()
	k, err := keys.Open(t.Context(), keys.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return NewChain(k.Secret("refresh token"))
}

func TestChainNeverForks(t *testing.T) {
	t.Parallel()
	chain, sid := newTestChain(t), store.NewID(store.SessionPrefix)
	jti, next := chain.First(sid)
	seen := map[string]bool{}
	for range 100 {
		token, ok := chain.parse(chain.first(sid, jti))
		if !ok || token.sid != sid || token.jti != jti {
			t.Fatalf("the chain does not know its own token: %+v, %t", token, ok)
		}
		follows, afterNext := chain.following(token)
		if follows != next {
			t.Fatalf("the successor was foretold as %q and is %q", next, follows)
		}
		if again, _ := chain.following(token); again != follows {
			t.Fatal("a second look gives another successor")
		}
		if seen[jti] {
			t.Fatal("the chain runs in a circle")
		}
		seen[jti] = true
		jti, next = follows, afterNext
	}
	if first, _ := chain.First(sid); seen[first] {
		t.Error("the first token of a family can be foretold")
	}
}

func TestTokenOfAChainCannotBeChanged(t *testing.T) {
	t.Parallel()
	chain, other := newTestChain(t), newTestChain(t)
	sid := store.NewID(store.SessionPrefix)
	jti, _ := chain.First(sid)
	token := chain.first(sid, jti)
	if _, ok := other.parse(token); ok {
		t.Error("another server's chain takes the token")
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		c := rapid.Byte().Draw(t, "byte")
		changed := token[:at] + string([]byte{c}) + token[at+1:]
		if got, ok := chain.parse(changed); ok && changed != token {
			t.Fatalf("%q passes as %+v", changed, got)
		}
	})
	parts := strings.Split(token, ".")
	swapped, _ := chain.First(sid)
	for _, bad := range []string{
		"", refreshPrefix, token + "A", token[:len(token)-1], token + ".", "x" + token, token[4:], token + "\n",
		strings.Join([]string{parts[0], store.NewID(store.SessionPrefix), parts[2], parts[3]}, "."),
		strings.Join([]string{parts[0], parts[1], swapped, parts[3]}, "."),
		strings.Join([]string{parts[0], parts[1], "", ""}, "."),
		token + strings.Repeat("=", 8000),
	} {
		if _, ok := chain.parse(bad); ok {
			t.Errorf("%q passes for a refresh token", bad)
		}
	}
}

// TestMacCoversWhereItsPartsEnd: without lengths, "ab"+"c" and "a"+"bc" would have one MAC.
func TestMacCoversWhereItsPartsEnd(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	if derive(key, "mac", "ab", "c") == derive(key, "mac", "a", "bc") {
		t.Error("two different lists of parts have one MAC")
	}
	if derive(key, "mac", "a", "b") == derive(key, "next", "a", "b") {
		t.Error("a successor can be had from a MAC")
	}
}

func FuzzParseRefresh(f *testing.F) {
	chain := newTestChain(f)
	sid := store.NewID(store.SessionPrefix)
	jti, _ := chain.First(sid)
	token := chain.first(sid, jti)
	for _, text := range []string{token, token[:30], "hcr_....", "hcr_k." + sid + ".{}.x", "hcr_\x00.\r\n.*.:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := chain.parse(text)
		if ok && text != token {
			t.Fatalf("%q passes as %+v", text, got)
		}
	})
}
