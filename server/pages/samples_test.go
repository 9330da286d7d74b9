package pages_test

import (
	"time"

	"github.com/handclasp/handclasp/server/pages"
)

const (
	longName   = "build-runner-of-the-platform-team-in-the-second-rack-12-north"
	arabicName = "حاسوب المكتب في الطابق الثاني"
	htmlName   = `<img src=x onerror=alert(1)><b style="color:red">root</b>`
	turnedName = "dev\u202egpj.exe\u2066 box\u0007"
)

var (
	now    = time.Date(2026, 3, 12, 14, 3, 0, 0, time.UTC)
	bare   = pages.Base{CSRF: "csrf-of-this-browser", Now: now, Console: true} // of a server without a mail server
	nobody = pages.Base{CSRF: "csrf-of-this-browser", Now: now}
	ana    = pages.Base{CSRF: "csrf-of-this-browser", Now: now, Account: "ana@example.test"}
)

func approval(device string) pages.Approve {
	return pages.Approve{
		Base: ana, RequestID: "ses_0123456789abcdefghjkmnpqrs", App: "handclasp", DeviceName: device,
		Platform: "linux/amd64", Code: "WDJB-MJHT", Address: "203.0.113.7", AskedAt: now.Add(-2 * time.Minute),
		Scopes: []string{"see your name, address and devices", "end your devices' sessions"},
	}
}

func known(a pages.Approve) pages.Approve {
	a.SameNetwork, a.KnownDevice = true, true
	return a
}

func worst() pages.Approve {
	a := approval(longName)
	a.App, a.Address, a.Account = "Example Deployment Tool for Everybody", "2001:db8:1234:5678:9abc:def0:1234:5678", "anastasia.longest-name@mail.example.test"
	a.Scopes = append(a.Scopes, "Deploy to production", "Read the logs of every service")
	return a
}

func unvetted(a pages.Approve) pages.Approve {
	a.Unvetted = pages.Unvetted{Is: true}
	return a
}

func unnamed() pages.Approve {
	a := approval("")
	a.App, a.Platform, a.Scopes = "", "", nil
	return a
}

func device(id, name, platform string, seen time.Duration) pages.Device {
	return pages.Device{
		ID: "dev_" + id, SessionID: "ses_" + id, Name: name, Platform: platform, App: "handclasp", Address: "203.0.113.7",
		FirstSeen: now.Add(-40 * 24 * time.Hour), LastSeen: now.Add(-seen),
	}
}

func account() pages.Account {
	mac := device("b", "ana's laptop", "darwin/arm64", 3*time.Hour)
	mac.Current = true
	ownerless := device("e", "", "", 26*time.Hour)
	ownerless.SessionID = ""
	app := device("g", "Example Calendar", "", time.Hour)
	app.App, app.In = app.Name, "Firefox on Linux"
	return pages.Account{
		Base: ana, Email: "ana@example.test", Flash: "The session on old-box has ended.",
		Devices: []pages.Device{
			device("a", "dev-box", "linux/amd64", 10*time.Second), mac, device("c", longName, "windows/amd64", 20*time.Minute),
			device("d", arabicName, "android/arm64", 5*24*time.Hour), device("f", htmlName, "plan9/386", time.Hour), ownerless, app,
		},
		Browsers: []pages.Browser{
			{SessionID: "ses_x", Name: "Firefox on Linux", Address: "203.0.113.7", FirstSeen: now.Add(-time.Hour), LastSeen: now, Current: true},
			{SessionID: "ses_y", Name: "Safari on iOS", Address: "198.51.100.9", FirstSeen: now.Add(-5 * time.Hour), LastSeen: now.Add(-time.Hour)},
		},
		Apps: []pages.App{
			{ClientID: "calendar", Name: "Example Calendar", Scopes: []string{"know who you are", "see your mail address"}, Since: now.Add(-9 * 24 * time.Hour)},
			{ClientID: "odd", Name: htmlName, Since: now.Add(-time.Hour)},
		},
	}
}

// sample is a page as somebody may see it.
type sample struct {
	name   string
	status int
	view   pages.View
}

func samples() []sample {
	all := signinSamples()
	all = append(all, deviceSamples()...)
	all = append(all, consentSamples()...)
	return append(all, accountSamples()...)
}

func signinSamples() []sample {
	const back = "/device/ses_0123456789abcdefghjkmnpqrs"
	return []sample{
		{"signin", 200, pages.SignIn{Base: nobody, ReturnTo: back, Why: "to confirm handclasp on dev-box"}},
		{"signin-console", 200, pages.SignIn{Base: bare, ReturnTo: back}},
		{"signin-problem", 422, pages.SignIn{
			Base: nobody, Email: "ana@", Problem: "That is not a whole mail address.", Notice: "That link has expired. Ask for a new one.", Closed: true,
			Providers: []pages.Provider{{Name: "GitHub", Action: "/signin/github"}, {Name: "Example Login", Action: "/signin/oidc"}},
		}},
		{"checkmail", 200, pages.CheckMail{Base: nobody, Email: "ana@example.test", Minutes: 15, ReturnTo: back, ResendAfterSeconds: 28}},
		{"checkmail-problem", 422, pages.CheckMail{
			Base: nobody, Email: "ana@example.test", Minutes: 15, CodeProblem: "Those are not the newest six letters.",
			Problem: "Three mails have been sent. The next one can go in 12 minutes.",
		}},
		{"checkmail-console", 200, pages.CheckMail{Base: bare, Email: "ana@example.test", Minutes: 15, ReturnTo: back, ResendAfterSeconds: 28}},
		{"checkmail-done", 200, pages.CheckMail{Base: ana, Email: "ana@example.test", Minutes: 15, ReturnTo: back, SignedIn: true}},
		{"link", 200, pages.LinkPage{Base: nobody, Email: "ana@example.test", Token: "mailed-half", Minutes: 14}},
		{"link-other", 200, pages.LinkPage{Base: nobody, Email: "ana@example.test", Token: "mailed-half", OtherBrowser: true, Minutes: 14}},
		{"link-other-console", 200, pages.LinkPage{Base: bare, Email: "ana@example.test", Token: "mailed-half", OtherBrowser: true, Minutes: 14}},
		{"switch", 409, pages.SwitchAccount{Base: ana, Email: "ben@example.test", Token: "mailed-half"}},
		{"switch-code", 409, pages.SwitchAccount{Base: ana, Email: "ben@example.test", Code: "QWERTZ", StayURL: "/device"}},
		{"signedout", 200, pages.SignedOut{Base: nobody}},
	}
}

func deviceSamples() []sample {
	return []sample{
		{"code", 200, pages.EnterCode{Base: ana}},
		{"code-problem", 422, pages.EnterCode{Base: nobody, Code: "wdjb-mjhx", Problem: "That code is unknown or has expired. Look at your terminal again."}},
		{"approve", 200, approval("dev-box")},
		{"approve-known", 200, known(approval("dev-box"))},
		{"approve-worst", 200, worst()},
		{"approve-unvetted", 200, unvetted(approval("dev-box"))},
		{"approve-arabic", 200, approval(arabicName)},
		{"approve-html", 200, approval(htmlName)},
		{"approve-turned", 200, approval(turnedName)},
		{"approve-unnamed", 200, unnamed()},
		{"approved", 200, pages.Approved{Base: ana, App: "handclasp", DeviceName: "dev-box", SessionID: "ses_a"}},
		{"approved-arabic", 200, pages.Approved{Base: ana, App: "handclasp", DeviceName: arabicName}},
		{"denied", 200, pages.Denied{Base: ana, App: "handclasp", DeviceName: "dev-box", Command: "handclasp login"}},
		{"denied-bare", 200, pages.Denied{Base: ana}},
		{"expired", 410, pages.Expired{Base: ana, Command: "handclasp login"}},
		{"used", 409, pages.Used{Base: ana, Command: "handclasp login"}},
		{"conflict", 403, pages.Conflict{Base: ana, DeviceName: "dev-box", Command: "handclasp login --new-device"}},
		{"conflict-bare", 403, pages.Conflict{Base: ana}},
		{"elsewhere", 403, pages.OpenedElsewhere{Base: ana}},
	}
}

func consentSamples() []sample {
	web := pages.Consent{
		Base: ana, RequestID: "aut_0123456789abcdefghjkmnpqrs", App: "Example Calendar", Target: "calendar.example.test", AskedAt: now.Add(-time.Minute),
		Scopes: []string{"know who you are", "see your mail address", "stay signed in until you end it"},
	}
	terminal := web
	terminal.App, terminal.Target, terminal.Native, terminal.Terminal = "handclasp", "", true, true
	terminal.DeviceName, terminal.Platform = "dev-box", "linux/amd64"
	known, odd := terminal, terminal
	known.KnownDevice = true
	odd.App, odd.DeviceName, odd.Platform = htmlName, turnedName, ""
	unvetted := web
	unvetted.Unvetted = pages.Unvetted{Is: true}
	fromAfar := web
	fromAfar.Unvetted = pages.Unvetted{Is: true, Home: "board.example.test"}
	return []sample{
		{"consent", 200, web},
		{"consent-terminal", 200, terminal},
		{"consent-known", 200, known},
		{"consent-odd", 200, odd},
		{"consent-unvetted", 200, unvetted},
		{"consent-from-afar", 200, fromAfar},
		{"sign-out", 200, pages.SignOut{Base: ana, App: "Example Calendar", Fields: map[string]string{"client_id": "calendar"}}},
		{"sign-out-bare", 200, pages.SignOut{Base: ana}},
		{"sign-out-late", 200, pages.SignOut{Base: nobody, App: "Example Calendar"}},
		{"go-on", 400, pages.GoOn{
			Base: nobody, App: "Board", Target: "board.example.test", Link: "https://board.example.test/back?error=invalid_scope&state=1", Failed: true,
			Unvetted: pages.Unvetted{Is: true},
		}},
		{"go-on-after", 200, pages.GoOn{
			Base: nobody, App: "Board", Target: "board.example.test", Link: "https://board.example.test/bye",
			Unvetted: pages.Unvetted{Is: true, Home: "board.example.test"},
		}},
		{"request-over", 404, pages.RequestOver{Base: ana}},
	}
}

func accountSamples() []sample {
	box := device("a", "dev-box", "linux/amd64", time.Minute)
	return []sample{
		{"account", 200, account()},
		{"account-empty", 200, pages.Account{Base: ana, Email: "ana@example.test", Browsers: []pages.Browser{{SessionID: "ses_x", LastSeen: now, FirstSeen: now, Current: true}}}},
		{"end", 200, pages.EndDevice{Base: nobody, Token: "right-to-end", Device: box}},
		{"end-html", 200, pages.EndDevice{Base: nobody, Token: "right-to-end", Device: device("a", htmlName, "linux/amd64", time.Minute)}},
		{"end-app", 200, pages.EndDevice{Base: nobody, Token: "right-to-end", Device: account().Devices[6]}},
		{"end-app-done", 200, pages.EndDevice{Base: nobody, Token: "right-to-end", Device: account().Devices[6], Done: true}},
		{"end-done", 200, pages.EndDevice{Base: nobody, Token: "right-to-end", Device: box, Done: true}},
		{"error", 500, pages.Error{Base: ana, RequestID: "3f6c0a9e5b"}},
		{"error-away", 503, pages.Error{Base: nobody, Sentence: "We could not reach our records, so nothing was changed. Try again in a minute.", RequestID: "3f6c0a9e5b", BackURL: "/device", BackText: "Back to the code"}},
		{"notfound", 404, pages.NotFound{Base: ana}},
		{"toomany", 429, pages.TooMany{Base: ana, Again: now.Add(170 * time.Second), BackURL: "/device", BackText: "Back to the code"}},
	}
}
