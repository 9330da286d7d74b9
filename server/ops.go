package server

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Ops answers the operator, on a listener of its own: /livez says that the process runs, /readyz that it can serve, and
// /metrics what it did.
func (s *Server) Ops() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plainText(w, http.StatusOK, "ok") })
	m.HandleFunc("GET /readyz", s.ready)
	m.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return m
}

// ready asks both memories, each within the patience of a request.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience+s.Slack)
	defer cancel()
	checks := map[string]func(context.Context) error{"records": s.Records.Ping, "tickets": s.Tickets.Ping}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		broken []string
	)
	for name, ping := range checks {
		wg.Go(func() {
			if err := ping(ctx); err != nil {
				s.Log.WarnContext(ctx, "not ready", "store", name, "error", err)
				mu.Lock()
				defer mu.Unlock()
				broken = append(broken, name)
			}
		})
	}
	wg.Wait()
	if len(broken) > 0 {
		plainText(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	plainText(w, http.StatusOK, "ready")
}

func plainText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// metrics count what the server did. No label comes from outside: routes are those of the table.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	mu       sync.RWMutex
	known    map[metricKey]counters
	start    func() time.Time
}

type metricKey struct {
	route  string
	status int
}

type counters struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

func newMetrics(o Options) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "handclasp_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "handclasp_http_request_seconds", Help: "Time to answer; held polls are among those of the token endpoint.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5, 30},
		}, []string{"route"}),
		known: map[metricKey]counters{},
		start: o.Now,
	}
	m.registry.MustRegister(m.requests, m.duration)
	if o.OAuth != nil {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "handclasp_held_polls", Help: "Polls that are being held.",
		}, func() float64 { return float64(o.OAuth.Held()) }))
	}
	if o.Keys != nil {
		signer := prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "handclasp_signer_info", Help: "The signer in use, as a label.", ConstLabels: prometheus.Labels{"backend": o.Keys.Backend()},
		})
		signer.Set(1)
		m.registry.MustRegister(signer)
	}
	return m
}

// Register adds a collector of another room, such as the mail queue's.
func (s *Server) Register(c ...prometheus.Collector) { s.metrics.registry.MustRegister(c...) }

// observe counts one answer. It is called deferred, with the time at which the request came in.
func (m *metrics) observe(route string, w http.ResponseWriter, came time.Time) {
	key := metricKey{route, statusOf(w)}
	m.mu.RLock()
	c, ok := m.known[key]
	m.mu.RUnlock()
	if !ok {
		c = counters{m.requests.WithLabelValues(route, strconv.Itoa(key.status)), m.duration.WithLabelValues(route)}
		m.mu.Lock()
		m.known[key] = c
		m.mu.Unlock()
	}
	c.requests.Inc()
	c.duration.Observe(m.start().Sub(came).Seconds())
}
