package mail

import (
	"regexp"
	"strings"
)

// masked shows enough of an address for somebody who knows it to recognise it.
func masked(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return "…"
	}
	return local[:1] + "…@" + domain
}

const maxReply = 300 // bytes of an SMTP server's words in the log

var (
	webAddress  = regexp.MustCompile(`(?i)\bhttps?://\S+`)
	mailAddress = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)
)

// scrub takes out of a server's words what it may have quoted of the mail: some name the recipient, and filters repeat
// the link that they did not like.
func scrub(reply string, m Message) string {
	for _, secret := range []string{m.Link, m.Code, grouped(m.Code)} {
		if secret != "" {
			reply = strings.ReplaceAll(reply, secret, "[…]")
		}
	}
	reply = webAddress.ReplaceAllString(reply, "[link]")
	reply = mailAddress.ReplaceAllStringFunc(reply, masked)
	if len(reply) > maxReply {
		reply = reply[:maxReply] + "…"
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(reply), " "), "\uFFFD")
}
