package redis

// keys makes the names of keys. The part in braces is the hash tag: what shares it shares a slot of a Cluster, so that
// one script may touch it all. Session ids have passed store.ValidID before they come here; what strangers can choose
// stands behind the tag, where it cannot make another one.
type keys string

func (k keys) request(sid string) string { return string(k) + ":{" + sid + "}:req" }
func (k keys) grant(sid string) string   { return string(k) + ":{" + sid + "}:grant" }
func (k keys) browser(sid string) string { return string(k) + ":{" + sid + "}:web" }

// revoked marks one access token of a session.
func (k keys) revoked(sid, jti string) string { return string(k) + ":{" + sid + "}:no:" + jti }

// service marks an access token that belongs to no session.
func (k keys) service(jti string) string { return string(k) + ":no:" + jti }

// code points from a user code to its session. It shares its slot with the limits, so that both are one step.
func (k keys) code(hash string) string { return string(k) + ":{door}:code:" + hash }
func (k keys) limit(key string) string { return string(k) + ":{door}:limit:" + key }

func (k keys) link(id string) string  { return string(k) + ":link:" + id }
func (k keys) mark(key string) string { return string(k) + ":mark:" + key }
func (k keys) ping() string           { return string(k) + ":ping" }
