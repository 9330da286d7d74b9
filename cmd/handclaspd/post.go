package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/handclasp/handclasp/mail"
)

// openQueue sends over SMTP if a server is named. Otherwise mails become files in the outbox, and each one's link is
// shown on the console: whoever develops has no mailbox at hand.
func openQueue(s Settings, log *slog.Logger, console io.Writer) (*mail.Queue, error) {
	o := mail.QueueOptions{From: s.MailFrom, Log: log}
	if s.SMTP == "" {
		o.Outbox = mail.Outbox(outbox(s))
		o.OnOutbox = func(m mail.Message, path string) { showMail(console, m, path) }
		return mail.NewQueue(o)
	}
	var err error
	if o.SMTP, err = mail.ParseSMTP(s.SMTP); err != nil {
		return nil, err
	}
	return mail.NewQueue(o)
}

func showMail(console io.Writer, m mail.Message, path string) {
	_, _ = fmt.Fprintf(console, "\n  Mail to %s: %s\n  %s\n", m.To, m.Subject, m.Link)
	if m.Code != "" {
		_, _ = fmt.Fprintf(console, "  or type %s-%s in the window that asked\n", m.Code[:len(m.Code)/2], m.Code[len(m.Code)/2:])
	}
	_, _ = fmt.Fprintf(console, "  (%s)\n\n", path)
}

// mailCounters show what became of the mails.
func mailCounters(q *mail.Queue) []prometheus.Collector {
	counter := func(name, help string, read func(mail.Stats) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return read(q.Stats()) })
	}
	return []prometheus.Collector{
		counter("handclasp_mails_sent_total", "Mails handed over.", func(s mail.Stats) float64 { return float64(s.Sent) }),
		counter("handclasp_mails_failed_total", "Mails given up.", func(s mail.Stats) float64 { return float64(s.Failed) }),
		counter("handclasp_mails_retried_total", "Further tries.", func(s mail.Stats) float64 { return float64(s.Retried) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "handclasp_mails_queued", Help: "Mails that wait or are being sent."},
			func() float64 { return float64(q.Stats().Queued) }),
	}
}
