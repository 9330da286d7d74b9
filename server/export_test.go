package server

// Routes are the rows of the table, as "GET /device".
func Routes() []string {
	var routes []string
	for _, t := range (&Server{}).table() {
		routes = append(routes, t.method+" "+t.path)
	}
	return routes
}
