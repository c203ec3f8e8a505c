// Go's net/http/cgi as a server of its own: `host ADDRESS CGI_BIN`. The package has no directory of scripts, only a handler for
// one; which script is all that is added here.
package main

import (
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"path"
	"path/filepath"
)

func main() {
	address, dir := os.Args[1], os.Args[2]
	http.HandleFunc("/cgi-bin/", func(answer http.ResponseWriter, request *http.Request) {
		name := path.Base(request.URL.Path)
		script := cgi.Handler{Path: filepath.Join(dir, name), Root: "/cgi-bin/" + name}
		script.ServeHTTP(answer, request)
	})
	log.Fatal(http.ListenAndServe(address, nil))
}
