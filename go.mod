module github.com/handclasp/handclasp

go 1.26.4

require (
	github.com/BurntSushi/toml v1.5.0 // settings files of server and client
	github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a // signatures that others have fallen for, in the tests of verify; it is never in a program
	github.com/chromedp/cdproto v0.159.0 // the words of chromedp
	github.com/chromedp/chromedp v0.23.0 // tests in a real browser
	github.com/cli/browser v1.3.0 // opens the person's browser
	github.com/coreos/go-oidc/v3 v3.21.0 // the strict OpenID client of everybody else, in tests
	github.com/ebitengine/purego v0.11.3 // calls libcrypto without cgo: signatures at a third of the cost
	github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // logs in at the SMTP server of the tests
	github.com/emersion/go-smtp v0.25.1 // a real SMTP server in tests
	github.com/getkin/kin-openapi v0.152.0 // holds real requests and answers against openapi.yaml, in tests
	github.com/go-jose/go-jose/v4 v4.1.8 // JOSE: key sets, and reading tokens (asked for by the customer)
	github.com/gofrs/flock v0.13.1 // one refresh at a time on a machine, and one who changes the keys
	github.com/google/go-cmp v0.7.0 // says what differs, in tests
	github.com/gorilla/mux v1.8.1 // the router (asked for by the customer)
	github.com/ory/fosite v0.49.1-0.20250703093431-a5f0b09bf31c // the frame of the OAuth endpoints (asked for by the customer); the first commit with the device grant
	github.com/pressly/goose/v3 v3.29.0 // migrations, embedded
	github.com/prometheus/client_golang v1.25.0 // /metrics
	github.com/redis/go-redis/v9 v9.23.0 // Redis, Sentinel and Cluster (asked for by the customer)
	github.com/rogpeppe/go-internal v1.16.0 // scripts that test the programs as a terminal would
	github.com/shirou/gopsutil/v3 v3.24.5 // hardware information for the fingerprint, in the client only (asked for by the customer)
	github.com/spf13/cobra v1.10.2 // commands and their help
	github.com/spf13/pflag v1.0.9 // the flags of cobra, read as settings
	github.com/wneessen/go-mail v0.8.1 // mails over SMTP (asked for by the customer)
	github.com/zalando/go-keyring v0.2.8 // the system's keyring for the refresh token
	go.uber.org/goleak v1.3.0 // no goroutine is left behind, in tests
	golang.org/x/net v0.62.0 // international mail domains, and reading our pages in tests
	golang.org/x/oauth2 v0.37.0 // the client library of everybody else, unchanged, in tests
	golang.org/x/sys v0.49.0 // terminals and files where the standard library stops
	golang.org/x/term v0.47.0 // width of a terminal, and whether it is one
	golang.org/x/text v0.43.0 // names of clients in one form, so that no accent or bold letter makes ours another's
	modernc.org/sqlite v1.60.1 // SQLite without cgo
	pgregory.net/rapid v1.3.0 // properties, in tests
)

require (
	github.com/asaskevich/govalidator v0.0.0-20230301143203-a9d515a09cc2 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cenkalti/backoff/v5 v5.0.3 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/danieljoos/wincred v1.2.3 // indirect
	github.com/dgraph-io/ristretto v1.0.0 // indirect
	github.com/dustin/go-humanize v1.1.0 // indirect
	github.com/felixge/httpsnoop v1.1.0 // indirect
	github.com/fsnotify/fsnotify v1.6.0 // indirect
	github.com/go-jose/go-jose/v3 v3.0.5 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-logr/logr v1.4.4 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/go-ole/go-ole v1.2.6 // indirect
	github.com/go-openapi/jsonpointer v1.0.0 // indirect
	github.com/gobuffalo/pop/v6 v6.1.1 // indirect
	github.com/godbus/dbus/v5 v5.2.2 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.0 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.30.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/hashicorp/hcl v1.0.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/lufia/plan9stats v0.0.0-20211012122336-39d0f177ccd0 // indirect
	github.com/magiconair/properties v1.8.7 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mattn/goveralls v0.0.12 // indirect
	github.com/mfridman/interpolate v0.0.2 // indirect
	github.com/mitchellh/mapstructure v1.5.0 // indirect
	github.com/mohae/deepcopy v0.0.0-20170929034955-c48cc78d4826 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/ncruces/go-strftime v1.1.0 // indirect
	github.com/oasdiff/yaml v0.1.1 // indirect
	github.com/oasdiff/yaml3 v0.0.14 // indirect
	github.com/openzipkin/zipkin-go v0.4.3 // indirect
	github.com/ory/go-acc v0.2.9-0.20230103102148-6b1c9a70dbbe // indirect
	github.com/ory/go-convenience v0.1.0 // indirect
	github.com/ory/x v0.0.677 // indirect
	github.com/pelletier/go-toml/v2 v2.0.9 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/power-devops/perfstat v0.0.0-20210106213030-5aafc221ea8c // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // indirect
	github.com/seatgeek/logrus-gelf-formatter v0.0.0-20210414080842-5b05eb8ff761 // indirect
	github.com/sethvargo/go-retry v0.5.0 // indirect
	github.com/shoenig/go-m1cpu v0.1.6 // indirect
	github.com/sirupsen/logrus v1.9.3 // indirect
	github.com/spf13/afero v1.9.5 // indirect
	github.com/spf13/cast v1.5.1 // indirect
	github.com/spf13/jwalterweatherman v1.1.0 // indirect
	github.com/spf13/viper v1.16.0 // indirect
	github.com/stretchr/objx v0.5.3 // indirect
	github.com/subosito/gotenv v1.4.2 // indirect
	github.com/tklauser/go-sysconf v0.3.12 // indirect
	github.com/tklauser/numcpus v0.6.1 // indirect
	github.com/yusufpapurcu/wmi v1.2.4 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/contrib/instrumentation/net/http/httptrace/otelhttptrace v0.72.0 // indirect
	go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp v0.72.0 // indirect
	go.opentelemetry.io/contrib/propagators/b3 v1.32.0 // indirect
	go.opentelemetry.io/contrib/propagators/jaeger v1.32.0 // indirect
	go.opentelemetry.io/contrib/samplers/jaegerremote v0.26.0 // indirect
	go.opentelemetry.io/otel v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/jaeger v1.17.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp v1.47.0 // indirect
	go.opentelemetry.io/otel/exporters/zipkin v1.32.0 // indirect
	go.opentelemetry.io/otel/log v1.47.0 // indirect
	go.opentelemetry.io/otel/metric v1.47.0 // indirect
	go.opentelemetry.io/otel/sdk v1.47.0 // indirect
	go.opentelemetry.io/otel/trace v1.47.0 // indirect
	go.opentelemetry.io/proto/otlp v1.11.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	go.uber.org/mock v0.5.0 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.51.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/grpc v1.85.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	gopkg.in/ini.v1 v1.67.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
	modernc.org/libc v1.78.0 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
)
